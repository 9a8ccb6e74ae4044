//! Phrases that try to instruct a model, in the languages that people write to models in. A table of words in their order, since
//! what is asked for varies less than how it is worded. Missing one costs nothing but the mark.

use super::fold::{Folded, is_unspaced};
use std::ops::Range;

/// A phrase: of each step one of the words, in this order, near to each other. A word that begins with a blank is the beginning of
/// a word, and the rest of that word belongs to it; one that ends with a blank is a whole one.
struct Phrase {
    steps: &'static [&'static [&'static str]],
    /// So many bytes of other words may stand between two steps.
    within: usize,
}

/// Four or five words.
const NEAR: usize = 32;
/// Hardly more than an article.
const BESIDE: usize = 8;

const fn near(steps: &'static [&'static [&'static str]]) -> Phrase {
    Phrase { steps, within: NEAR }
}

const fn beside(steps: &'static [&'static [&'static str]]) -> Phrase {
    Phrase { steps, within: BESIDE }
}

const fn exact(steps: &'static [&'static [&'static str]]) -> Phrase {
    Phrase { steps, within: 0 }
}

/// Accents and case are folded before.
const PHRASES: &[Phrase] = &[
    // English.
    near(&[
        &[" ignore ", " disregard ", " forget ", " override ", " bypass ", " overlook ", " neglect "],
        &[
            "previous ",
            "prior ",
            "preceding ",
            "earlier ",
            "above ",
            "all ",
            "any ",
            "your ",
            "these ",
            "those ",
            "system ",
            "safety ",
            "initial ",
            "original ",
            "foregoing ",
            "everything ",
        ],
        &[
            "instruct",
            "prompt",
            "rule",
            "guideline",
            "direction",
            "directive",
            "context",
            "polic",
            "constraint",
            "training",
            "order",
            "command",
            "facts",
            "evidence",
            "above",
            "before",
            "told",
            "you ",
        ],
    ]),
    exact(&[
        &[" you are now "],
        &[
            "a ",
            "an ",
            "the ",
            "my ",
            "our ",
            "dan ",
            "root ",
            "free",
            "unrestricted",
            "playing ",
            "acting ",
            "in developer ",
            "in debug ",
            "in admin ",
        ],
    ]),
    exact(&[&[" you are no longer "]]),
    exact(&[
        &[" new rule", " new instruction", " new system", " new directive", " new task", " updated instruction"],
        &[":", "s:", " :", "s :", " from", "s from", " for you", "s for you", " is", "s are", " prompt", " message"],
    ]),
    exact(&[&[" from now on ", " as of now you ", " henceforth you "]]),
    exact(&[
        &[" answer ", " respond ", " reply ", " output "],
        &[
            "only with ",
            "only the ",
            "only yes",
            "only no",
            "with only ",
            "with just ",
            "with nothing ",
            "nothing but ",
            "just with ",
            "exclusively ",
        ],
    ]),
    exact(&[&[" answer only", " respond only", " reply only", " say only", " print only the word"]]),
    near(&[
        &[" set ", " raise ", " lower ", " change ", " report ", " put ", " make ", " use "],
        &["confidence "],
        &["to ", "at ", "of ", "as ", "0", "1"],
    ]),
    near(&[&[" confidence "], &["must be ", "should be ", "shall be ", "has to be "]]),
    beside(&[
        &[" run ", " execute ", " apply ", " approve ", " perform ", " trigger ", " choose ", " select "],
        &["this ", "the following ", "these ", "following "],
        &[
            "command", "script", "action", "intent", "change", "fix", "plan", "request", "deletion", "code", "approval", "and",
            "now",
        ],
    ]),
    exact(&[&[" approve this ", " approve it ", " approve all ", " auto approve ", " run this ", " execute this "]]),
    beside(&[&[" pretend ", " roleplay ", " act as ", " behave as "], &["to be ", "you ", "a ", "an ", "the ", "if ", "my "]]),
    near(&[
        &[" reveal ", " print ", " show ", " repeat ", " output ", " leak ", " send "],
        &["system prompt", "your instructions", "your prompt", "initial prompt"],
    ]),
    near(&[
        &[" do not ", " don t ", " never "],
        &["report ", "mention ", "tell ", "reveal ", "cite ", "flag "],
        &["this", "the", "it ", "any", "anyone"],
    ]),
    exact(&[&[" developer mode", " jailbreak", " do anything now", " god mode"]]),
    near(&[
        &[" note ", " message ", " attention ", " important ", " instruction", " memo "],
        &["to ", "for "],
        &["the ai", "ai ", "llm", "the model", "assistant", "language model", "copilot", "sre bot"],
    ]),
    near(&[
        &[" the ai ", " the assistant ", " the model ", " dear assistant ", " dear ai ", " assistant "],
        &["must ", "should ", "shall ", "please ", "has to "],
    ]),
    near(&[
        &[" mark ", " report ", " declare ", " classify ", " conclude "],
        &["this ", "the incident", "everything", "that "],
        &["healthy", "resolved", "no fault", "root cause", "not a fault", "fine", "all good"],
    ]),
    near(&[&[" the verdict ", " your verdict ", " the root cause "], &["must be ", "should be ", "shall be ", "has to be "]]),
    exact(&[&[" end of "], &["data ", "the data ", "evidence ", "context ", "prompt ", "instructions", "system prompt"]]),
    exact(&[&[" begin "], &["instructions", "new instructions", "system ", "prompt "]]),
    exact(&[&[" system prompt:", " system message:", " system override", " system instruction"]]),
    // German.
    near(&[
        &[" ignorier", " vergiss ", " vergessen sie ", " missacht", " uberschreib", " beachte nicht "],
        &["anweisung", "regel", "vorgabe", "instruktion", "befehl", "kontext", "prompt"],
    ]),
    exact(&[&[" du bist ", " sie sind "], &["jetzt ", "nun ", "ab sofort ", "ab jetzt "]]),
    exact(&[&[" neue "], &["regel:", "regeln:", "anweisung:", "anweisungen:", "systemanweisung", "regel ", "anweisung "]]),
    exact(&[&[" antworte ", " antworten sie "], &["nur ", "ausschliesslich ", "ausschlieslich ", "lediglich "]]),
    near(&[
        &[" setze ", " setz ", " setzen sie ", " erhohe "],
        &["konfidenz", "zuversicht", "vertrauen", "sicherheit", "confidence"],
    ]),
    near(&[
        &[" fuhre ", " genehmige ", " genehmigen sie ", " bestatige ", " fuhren sie "],
        &["diese", "folgende", "den ", "das "],
        &["befehl", "anderung", "aktion", "skript", "plan", "kommando", "aus "],
    ]),
    // French.
    near(&[
        &[" ignore ", " ignorez ", " ignorer ", " oublie ", " oubliez ", " ne tiens pas compte ", " ne tenez pas compte "],
        &["instruction", "consigne", "regle", "directive", "contexte"],
    ]),
    exact(&[&[" tu es ", " vous etes "], &["maintenant ", "desormais ", "dorenavant "]]),
    exact(&[&[" nouvelle ", " nouvelles "], &["regle ", "regle:", "regles ", "regles:", "consigne", "instruction"]]),
    exact(&[&[" reponds ", " repondez "], &["uniquement ", "seulement ", "juste ", "exclusivement "]]),
    near(&[&[" mets ", " mettez ", " fixe ", " fixez ", " regle ", " definis "], &["confiance "]]),
    near(&[
        &[" execute ", " executez ", " lance ", " lancez ", " approuve ", " approuvez "],
        &["cette ", "ce ", "ces ", "la ", "le "],
        &["commande", "action", "changement", "script", "plan", "modification"],
    ]),
    // Spanish and Portuguese.
    near(&[
        &[" ignora ", " ignore ", " ignorar ", " olvida ", " olvide ", " descarta ", " omite ", " esqueca ", " desconsidere "],
        &["instruccion", "instruco", "reglas", "regras", "ordenes", "ordens", "indicaciones", "contexto"],
    ]),
    exact(&[&[
        " ahora eres ",
        " usted es ahora ",
        " a partir de ahora ",
        " voce agora e ",
        " a partir de agora ",
        " agora voce e ",
    ]]),
    exact(&[
        &[" nueva ", " nuevas ", " nova ", " novas "],
        &["regla:", "reglas:", "instruccion:", "instrucciones:", "regra:", "regras:", "instrucao:", "regla ", "regra "],
    ]),
    exact(&[&[" responde ", " responda "], &["solo ", "unicamente ", "solamente ", "apenas ", "somente "]]),
    near(&[&[" establece ", " pon ", " fija ", " ajusta ", " defina ", " coloque "], &["confianza", "confianca"]]),
    near(&[
        &[" ejecuta ", " ejecute ", " aprueba ", " apruebe ", " execute ", " aprove "],
        &["este ", "esta ", "el ", "la ", "o ", "a "],
        &["comando", "cambio", "accion", "acao", "plan", "mudanca"],
    ]),
    // Italian, Polish, Dutch, Turkish.
    near(&[&[" ignora ", " ignorate ", " dimentica ", " dimenticate "], &["istruzion", "regole", "ordini", "contesto"]]),
    near(&[&[" zignoruj ", " ignoruj ", " zapomnij "], &["instrukcj", "polecen", "zasad", "regul"]]),
    near(&[&[" negeer ", " vergeet "], &["instructie", "regels", "opdracht"]]),
    near(&[&[" onceki ", " tum ", " yukaridaki "], &["talimat", "kural", "komut"], &["yok say", "unut", "gormezden"]]),
    // Russian and Ukrainian.
    near(&[
        &[" игнорируй", " проигнорируй", " забудь", " не обращай внимания", " ігноруй", " проігноруй"],
        &["инструкц", "указани", "правил", "команд", "контекст", "інструкц", "вказівк"],
    ]),
    exact(&[&[" ты теперь ", " вы теперь ", " теперь ты ", " отныне ты ", " отныне вы "]]),
    exact(&[
        &[" новое ", " новые ", " новая "],
        &["правило:", "правила:", "инструкция:", "инструкции:", "указание:", "правило ", "инструкция "],
    ]),
    exact(&[&[" отвечаи ", " отвечай ", " ответь ", " отвечайте ", " ответьте "], &["только ", "лишь "]]),
    near(&[&[" установи", " поставь", " задай", " укажи"], &["уверенност", "достоверност"]]),
    near(&[
        &[" выполни", " запусти", " одобри", " подтверди", " утверди"],
        &["эт", "следующ", "данн", "все "],
        &["команд", "действи", "изменени", "скрипт", "план", "запрос"],
    ]),
    // Chinese, both scripts.
    near(&[
        &["忽略", "无视", "忽視", "無視", "忘记", "忘掉", "忘記", "不要理会"],
        &["指令", "指示", "提示", "规则", "規則", "命令", "上下文", "说明", "要求"],
    ]),
    exact(&[&["你现在是", "您现在是", "你現在是", "从现在开始", "从现在起", "從現在開始"]]),
    exact(&[&["新规则", "新規則", "新指令", "新的规则", "新的指令"]]),
    exact(&[&["只回答", "只回复", "只输出", "仅回答", "仅输出", "只能回答", "只需回答"]]),
    near(&[&["将", "把", "设置", "设定", "設定"], &["置信度", "信心", "可信度"]]),
    beside(&[&["执行", "运行", "批准", "執行", "同意"], &["这", "此", "以下", "该", "該", "這"]]),
    // Japanese, Korean, Arabic, Hindi.
    near(&[&["指示", "命令", "ルール", "プロンプト", "指令"], &["無視", "忘れ"]]),
    near(&[&[" 이전 ", " 위의 ", " 모든 ", " 지금까지의 "], &["지시", "명령", "규칙"], &["무시", "잊"]]),
    near(&[&[" تجاهل ", " انس ", " انسى "], &["التعليمات", "الأوامر", "القواعد", "تعليمات", "أوامر"]]),
    near(&[&["निर्देश", "नियम", "आदेश"], &["अनदेखा", "नज़रअंदाज़", "भूल"]]),
];

/// The phrases of a text, in order, none within another.
pub fn find(text: &str) -> Vec<Range<usize>> {
    let folded = Folded::of(text);
    let mut found: Vec<Range<usize>> =
        PHRASES.iter().flat_map(|phrase| phrase.all(&folded.text)).filter_map(|range| folded.original(range)).collect();
    found.sort_by_key(|range| (range.start, range.end));
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found.into_iter().filter(|range| !range.is_empty()) {
        match apart.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

impl Phrase {
    /// Where this phrase stands in a folded text.
    fn all(&self, text: &str) -> Vec<Range<usize>> {
        let Some((first, others)) = self.steps.split_first() else { return Vec::new() };
        let mut found = Vec::new();
        for word in *first {
            for (start, _) in text.match_indices(word) {
                let mut end = Some(start + word.len());
                for step in others {
                    end = end.and_then(|end| self.next(text, end, step));
                }
                if let Some(end) = end {
                    let start = if word.starts_with(' ') { start + 1 } else { start };
                    found.push(start..word_end(text, end));
                }
            }
        }
        found
    }

    /// The end of the nearest of these words behind `from`. A blank that a word begins with may be the one before `from`.
    fn next(&self, text: &str, from: usize, words: &[&str]) -> Option<usize> {
        let mut to = text.len().min(from + self.within);
        while !text.is_char_boundary(to) {
            to -= 1;
        }
        let begins = |at: usize, word: &str| text.get(at..).is_some_and(|rest| rest.starts_with(word));
        let at_start = |at: usize| text.get(..at).is_some_and(|before| before.ends_with(' ') || before.ends_with(is_unspaced));
        (from..=to)
            .filter(|at| *at == from || at_start(*at))
            .find_map(|at| words.iter().filter(|word| begins(at, word)).map(|word| at + word.len()).max())
    }
}

/// The end of the word that `at` stands in or behind, without the blank after it.
fn word_end(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or("");
    let trimmed = before.trim_end_matches(' ');
    if trimmed.len() < at || trimmed.ends_with(is_unspaced) {
        return trimmed.len();
    }
    at + text.get(at..).and_then(|rest| rest.find(' ')).unwrap_or(0)
}
