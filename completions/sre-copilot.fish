# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sre_copilot_global_optspecs
    string join \n color= q/quiet v/verbose config= h/help V/version
end

function __fish_sre_copilot_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sre_copilot_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sre_copilot_using_subcommand
    set -l cmd (__fish_sre_copilot_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -l color -d 'When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it'
always\t'Even into a file or a pipe'
never\t'Not at all'"
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -l config -d 'The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user\'s own' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -s q -l quiet -d 'No progress and no warnings, only the result and errors'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -s v -l verbose -d 'Everything: the timeline, all facts, every source, and how long it took'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -s V -l version -d 'Print version'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -f -a "analyze" -d 'Find the root cause of what is wrong with a pod, workload, node, service or namespace'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -f -a "replay" -d 'Diagnose recorded incidents again, without a cluster, and compare with what was expected'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -f -a "approve" -d 'Show what waits for approval; approve, reject or undo one change'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -f -a "incidents" -d 'List incidents, or show one with its analyses and what was tried'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -f -a "audit" -d 'List who did what, or verify that the log is as it was written'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -f -a "doctor" -d 'Look at what the settings name: cluster, rights, clock, database, back-ups, metrics, deploys, tickets, logs, Alertmanager, model, Discord'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -f -a "serve" -d 'Take alerts over HTTP, analyse them, and tell people'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -f -a "explain" -d 'Explain a cause or a symptom: what it is, how to check it by hand, how to mend it'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -f -a "completions" -d 'Print the script that completes commands and flags in a shell'
complete -c sre-copilot -n "__fish_sre_copilot_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -s n -l namespace -d 'The namespace; without it, the context\'s own' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -s l -l selector -d 'Only objects with these labels, as kubectl takes them: app=shop,tier!=db,env in (a,b)' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -l context -d 'The kubeconfig\'s context' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -l kubeconfig -d 'The kubeconfig; without it, $KUBECONFIG, ~/.kube/config, or the pod\'s own service account' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -l timeout -d 'How long reading the cluster may take' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -l from -d 'Read no cluster but an incident bundle, what kubectl get -o json|yaml or cluster-info dump wrote, or - for standard input' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -l record -d 'Keep what was read as an incident bundle in this folder' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -l since -d 'How far back events and terminations count, such as 30m or 2h' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -s o -l output -d 'The form of the result' -r -f -a "text\t'For people, on a screen'
json\t'For programs'
yaml\t'For programs, and people who read on'
markdown\t'For a ticket or a pull request'
html\t'For a browser: one page that loads nothing'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -l color -d 'When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it'
always\t'Even into a file or a pipe'
never\t'Not at all'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -l config -d 'The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user\'s own' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -s A -l all-namespaces -d 'Every namespace'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -l propose -d 'Have the API server try the change that is proposed, and keep it for sre-copilot approve; needs EXECUTOR_ENABLED=true. Nothing is changed, unless a rule of policy.auto allows it. Ends with 5 when it is refused'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -l show-egress -d 'Show what would leave this machine, to whom, exactly as it would be sent, and send none of it'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -l exit-code -d 'End with 3 when a fault is found and with 4 when something is wrong and the cause is not certain'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -s q -l quiet -d 'No progress and no warnings, only the result and errors'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -s v -l verbose -d 'Everything: the timeline, all facts, every source, and how long it took'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand analyze" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand replay" -l all -d 'Every bundle in a folder and below it, as a table' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand replay" -s o -l output -d 'The form of the result' -r -f -a "text\t'For people, on a screen'
json\t'For programs'
yaml\t'For programs, and people who read on'
markdown\t'For a ticket or a pull request'
html\t'For a browser: one page that loads nothing'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand replay" -l color -d 'When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it'
always\t'Even into a file or a pipe'
never\t'Not at all'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand replay" -l config -d 'The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user\'s own' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand replay" -l diff -d 'Compare with each bundle\'s expected.json; end with 3 when anything differs'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand replay" -l strict-prompts -d 'With a recorded model: a prompt that is not the recorded one is a difference too'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand replay" -l exit-code -d 'End with 3 when a fault is found, or in a table when anything differs; with 4 when the cause is not certain'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand replay" -s q -l quiet -d 'No progress and no warnings, only the result and errors'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand replay" -s v -l verbose -d 'Everything: the timeline, all facts, every source, and how long it took'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l digest -d 'The first digits of the plan\'s digest, at least eight' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l reason -d 'Why not, for those who look later' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l resolve -d 'Say of an attempt whose outcome is unknown whether it was applied' -r -f -a "applied\t'The change is there'
not-applied\t'It is not'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l context -d 'The kubeconfig\'s context' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l kubeconfig -d 'The kubeconfig; without it, $KUBECONFIG, ~/.kube/config, or the pod\'s own service account' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l timeout -d 'How long reading the cluster may take' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -s o -l output -d 'The form of the result' -r -f -a "text\t'For people, on a screen'
json\t'For programs'
yaml\t'For programs, and people who read on'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l color -d 'When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it'
always\t'Even into a file or a pipe'
never\t'Not at all'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l config -d 'The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user\'s own' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l yes -d 'Approve without a question; needs --digest'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l reject -d 'Say no'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l undo -d 'Plan the way back from an applied change, and ask for its approval'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l wait -d 'Wait until it is known whether the change helped'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -l all -d 'In the list, those that are over too'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -s q -l quiet -d 'No progress and no warnings, only the result and errors'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -s v -l verbose -d 'Everything: the timeline, all facts, every source, and how long it took'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand approve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand incidents" -s n -l namespace -d 'Only of this namespace' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand incidents" -l since -d 'Only those that opened within this time, such as 24h' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand incidents" -s o -l output -d 'The form of the result' -r -f -a "text\t'For people, on a screen'
json\t'For programs'
yaml\t'For programs, and people who read on'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand incidents" -l color -d 'When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it'
always\t'Even into a file or a pipe'
never\t'Not at all'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand incidents" -l config -d 'The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user\'s own' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand incidents" -l open -d 'Only those that go on'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand incidents" -s q -l quiet -d 'No progress and no warnings, only the result and errors'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand incidents" -s v -l verbose -d 'Everything: the timeline, all facts, every source, and how long it took'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand incidents" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l incident -d 'Only about this incident' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l since -d 'Only rows of this time, such as 24h' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s o -l output -d 'The form of the result' -r -f -a "text\t'For people, on a screen'
json\t'For programs'
yaml\t'For programs, and people who read on'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l color -d 'When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it'
always\t'Even into a file or a pipe'
never\t'Not at all'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l config -d 'The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user\'s own' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s q -l quiet -d 'No progress and no warnings, only the result and errors'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s v -l verbose -d 'Everything: the timeline, all facts, every source, and how long it took'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "verify" -d 'Read the whole chain: ends with 0 and the head, or with 3 and the first row that is not as it was written'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and __fish_seen_subcommand_from verify" -l head -d 'A head that was noted earlier; without it a tail that was cut off can\'t show' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and __fish_seen_subcommand_from verify" -l color -d 'When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it'
always\t'Even into a file or a pipe'
never\t'Not at all'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and __fish_seen_subcommand_from verify" -l config -d 'The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user\'s own' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'No progress and no warnings, only the result and errors'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Everything: the timeline, all facts, every source, and how long it took'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Read the whole chain: ends with 0 and the head, or with 3 and the first row that is not as it was written'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand doctor" -s n -l namespace -d 'The namespace whose rights are asked for; without it, the context\'s own' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand doctor" -l context -d 'The kubeconfig\'s context' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand doctor" -l kubeconfig -d 'The kubeconfig; without it, $KUBECONFIG, ~/.kube/config, or the pod\'s own service account' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand doctor" -l timeout -d 'How long the cluster may take' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand doctor" -s o -l output -d 'The form of the result' -r -f -a "text\t'For people, on a screen'
json\t'For programs'
yaml\t'For programs, and people who read on'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand doctor" -l color -d 'When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it'
always\t'Even into a file or a pipe'
never\t'Not at all'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand doctor" -l config -d 'The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user\'s own' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand doctor" -s A -l all-namespaces -d 'Ask for rights in every namespace'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand doctor" -s q -l quiet -d 'No progress and no warnings, only the result and errors'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand doctor" -s v -l verbose -d 'Everything: the timeline, all facts, every source, and how long it took'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand serve" -l listen -d 'Where it listens; without it, serve.listen of the settings' -r -f
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand serve" -l color -d 'When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it'
always\t'Even into a file or a pipe'
never\t'Not at all'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand serve" -l config -d 'The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user\'s own' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand serve" -s q -l quiet -d 'No progress and no warnings, only the result and errors'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand serve" -s v -l verbose -d 'Everything: the timeline, all facts, every source, and how long it took'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand serve" -s h -l help -d 'Print help'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand explain" -s o -l output -d 'The form of the result' -r -f -a "text\t'For people, on a screen'
json\t'For programs'
yaml\t'For programs, and people who read on'
markdown\t'For a page of documentation'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand explain" -l color -d 'When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it'
always\t'Even into a file or a pipe'
never\t'Not at all'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand explain" -l config -d 'The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user\'s own' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand explain" -s q -l quiet -d 'No progress and no warnings, only the result and errors'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand explain" -s v -l verbose -d 'Everything: the timeline, all facts, every source, and how long it took'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand completions" -l color -d 'When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it'
always\t'Even into a file or a pipe'
never\t'Not at all'"
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand completions" -l config -d 'The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user\'s own' -r -F
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand completions" -s q -l quiet -d 'No progress and no warnings, only the result and errors'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand completions" -s v -l verbose -d 'Everything: the timeline, all facts, every source, and how long it took'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand completions" -s h -l help -d 'Print help'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand help; and not __fish_seen_subcommand_from analyze replay approve incidents audit doctor serve explain completions help" -f -a "analyze" -d 'Find the root cause of what is wrong with a pod, workload, node, service or namespace'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand help; and not __fish_seen_subcommand_from analyze replay approve incidents audit doctor serve explain completions help" -f -a "replay" -d 'Diagnose recorded incidents again, without a cluster, and compare with what was expected'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand help; and not __fish_seen_subcommand_from analyze replay approve incidents audit doctor serve explain completions help" -f -a "approve" -d 'Show what waits for approval; approve, reject or undo one change'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand help; and not __fish_seen_subcommand_from analyze replay approve incidents audit doctor serve explain completions help" -f -a "incidents" -d 'List incidents, or show one with its analyses and what was tried'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand help; and not __fish_seen_subcommand_from analyze replay approve incidents audit doctor serve explain completions help" -f -a "audit" -d 'List who did what, or verify that the log is as it was written'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand help; and not __fish_seen_subcommand_from analyze replay approve incidents audit doctor serve explain completions help" -f -a "doctor" -d 'Look at what the settings name: cluster, rights, clock, database, back-ups, metrics, deploys, tickets, logs, Alertmanager, model, Discord'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand help; and not __fish_seen_subcommand_from analyze replay approve incidents audit doctor serve explain completions help" -f -a "serve" -d 'Take alerts over HTTP, analyse them, and tell people'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand help; and not __fish_seen_subcommand_from analyze replay approve incidents audit doctor serve explain completions help" -f -a "explain" -d 'Explain a cause or a symptom: what it is, how to check it by hand, how to mend it'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand help; and not __fish_seen_subcommand_from analyze replay approve incidents audit doctor serve explain completions help" -f -a "completions" -d 'Print the script that completes commands and flags in a shell'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand help; and not __fish_seen_subcommand_from analyze replay approve incidents audit doctor serve explain completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sre-copilot -n "__fish_sre_copilot_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "verify" -d 'Read the whole chain: ends with 0 and the head, or with 3 and the first row that is not as it was written'
