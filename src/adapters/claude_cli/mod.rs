//! The program `claude` with its own login, started without a shell, with no tool, in an empty folder, and with nothing of
//! this program's environment that it doesn't need: no `ANTHROPIC_*`, no token. Its whole process group ends with the call.

mod answer;
mod child;
mod environment;
mod folder;

use super::model::masked;
use crate::config::LlmSettings;
use crate::ports::{Egress, LanguageModel, ModelAnswer, ModelError, ModelRequest, Role};
use crate::redact::Redactor;
use child::Failure;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::Semaphore;

const BACKEND: &str = "claude_cli";
/// How many of it run at once.
const AT_ONCE: usize = 4;

/// What the settings say about this backend.
#[derive(Clone, Debug)]
pub struct ClaudeCliOptions {
    /// The program; a name is looked for in `PATH`.
    pub program: PathBuf,
    /// The model's name.
    pub model: String,
}

impl ClaudeCliOptions {
    /// Out of `[llm]`.
    pub fn of(settings: &LlmSettings) -> Self {
        let model = settings.model.clone().unwrap_or_else(|| super::anthropic::DEFAULT_MODEL.to_owned());
        Self { program: settings.claude.clone(), model }
    }
}

/// A model behind the program `claude`.
#[derive(Debug)]
pub struct ClaudeCliModel {
    options: ClaudeCliOptions,
    redactor: Hidden,
    seats: Semaphore,
}

/// The redactor, whose key is nobody's to see.
struct Hidden(Redactor);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

/// What is given to the program.
struct Call {
    arguments: Vec<String>,
    prompt: String,
}

impl ClaudeCliModel {
    /// Starts nothing yet.
    pub fn new(options: ClaudeCliOptions, redactor: Redactor) -> Self {
        Self { options, redactor: Hidden(redactor), seats: Semaphore::new(AT_ONCE) }
    }

    /// Has the program say its version, which costs nothing; whether it is logged in shows with the first question.
    ///
    /// # Errors
    /// It can't be run.
    pub async fn probe(&self, time: Duration) -> Result<String, ModelError> {
        let broken = |why: &str| ModelError::Unreachable(format!("the program {}: {why}", self.options.program.display()));
        let folder = folder::Empty::new().map_err(|error| broken(&error.to_string()))?;
        let arguments = ["--version".to_owned()];
        let ended = tokio::time::timeout(time, child::run(&self.options.program, &arguments, "", folder.path())).await;
        match ended.map_err(|_| ModelError::Timeout(time))? {
            Ok(ended) if ended.status.success() => {
                let version = String::from_utf8_lossy(&ended.output).trim().chars().take(60).collect::<String>();
                Ok(format!("{} {version}", self.options.program.display()))
            }
            Ok(ended) => Err(broken(&ended.status.to_string())),
            Err(Failure::NotStarted(why) | Failure::Broken(why)) => Err(broken(&why)),
            Err(Failure::TooLong) => Err(broken("it wrote more than 1 MiB")),
        }
    }

    /// The one place that makes what is given to the program.
    fn call(&self, request: &ModelRequest) -> Call {
        let request = masked(&self.redactor.0, request);
        let schema = request.schema.to_string();
        let arguments = ["--print", "--output-format", "json", "--json-schema", &schema, "--model", &self.options.model];
        let arguments = arguments.into_iter().chain(["--tools", "", "--strict-mcp-config"]).map(str::to_owned).collect();
        let mut prompt = request.system;
        for message in request.messages {
            // The program takes one text, so that what the model said before is only quoted.
            prompt.push_str(match message.role {
                Role::User => "\n\n",
                Role::Assistant => "\n\nYour answer was:\n",
            });
            prompt.push_str(&message.text);
        }
        Call { arguments, prompt }
    }

    async fn run(&self, call: &Call) -> Result<ModelAnswer, ModelError> {
        let broken = |why: &str| ModelError::Unreadable(format!("claude could not be run: {why}"));
        // Nobody closes it.
        let _seat = self.seats.acquire().await.map_err(|_| broken("it is shut down"))?;
        let folder = folder::Empty::new().map_err(|error| broken(&error.to_string()))?;
        let ended = child::run(&self.options.program, &call.arguments, &call.prompt, folder.path()).await;
        let ended = ended.map_err(|failure| match failure {
            Failure::NotStarted(why) => ModelError::Unreachable(format!("the program {}: {why}", self.options.program.display())),
            Failure::Broken(why) => broken(&why),
            Failure::TooLong => ModelError::Unreadable("claude wrote more than 1 MiB".to_owned()),
        })?;
        answer::read(&ended, &self.redactor.0)
    }
}

impl LanguageModel for ClaudeCliModel {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn model(&self) -> &str {
        &self.options.model
    }

    fn address(&self) -> &str {
        ""
    }

    async fn ask(&self, request: &ModelRequest, time: Duration) -> Result<ModelAnswer, ModelError> {
        let call = self.call(request);
        // What is dropped here kills the process group.
        tokio::time::timeout(time, self.run(&call)).await.unwrap_or(Err(ModelError::Timeout(time)))
    }

    fn egress(&self, request: &ModelRequest) -> Egress {
        let Call { arguments, prompt } = self.call(request);
        Egress {
            destination: "model",
            method: self.options.program.display().to_string(),
            address: arguments.iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(" "),
            headers: Vec::new(),
            body: prompt,
        }
    }
}

/// An argument as a person would type it in a shell; none is used.
fn quoted(argument: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    match !argument.is_empty() && argument.bytes().all(is_plain) {
        true => argument.to_owned(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    }
}
