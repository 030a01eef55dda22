//! What a server says when it refuses a request, and what to do about it.

use super::follow::excerpt;
use super::plan::Endpoint;
use super::request::Requests;
use crate::measure::http::Url;

/// An answer whose status is no success.
pub(super) struct Refusal<'a> {
    pub(super) target: &'a Url,
    pub(super) status: u16,
    /// Where it points to, if it does.
    pub(super) location: Option<&'a str>,
    pub(super) body: &'a [u8],
}

impl Refusal<'_> {
    /// A word for programs: whether the same request would be refused again.
    pub(super) fn code(&self) -> &'static str {
        match self.status {
            408 | 429 => "status",
            300..=499 => "refused-request",
            _ => "status",
        }
    }

    /// What was answered, and what to do.
    pub(super) fn text(&self, requests: &Requests) -> String {
        let said = if self.body.is_empty() { String::new() } else { format!(": {}", excerpt(self.body)) };
        let help = self.help(requests).map(|help| format!("; {help}")).unwrap_or_default();
        format!("{} answered with status {}{said}{help}", self.target, self.status)
    }

    fn help(&self, requests: &Requests) -> Option<String> {
        let plan = requests.plan();
        let body = String::from_utf8_lossy(self.body).to_lowercase();
        let sends_ids = plan.endpoint == Endpoint::Completions && plan.prompts.has_ids();
        Some(match self.status {
            300..=399 => {
                let location = self.location.map(|to| format!("it points to `{to}`, and ")).unwrap_or_default();
                format!("{location}pointers are not followed: give the address that answers as `url`")
            }
            401 | 403 => "give its key in the variable that `--key-env` names (OPENAI_API_KEY)".to_owned(),
            404 | 405 => format!(
                "is `{}` the name by which it knows its model (its /v1/models lists them), and is this its address?",
                plan.model
            ),
            400 | 422 if sends_ids && !body.contains("context") && !body.contains("max_tokens") => {
                "if it takes no prompts of token ids (TGI does not), write `vocabulary = \"none\"` in `[load]` for prompts \
                 of words, or give texts by `dataset`"
                    .to_owned()
            }
            413 => "prompts are too long for it".to_owned(),
            429 => "it takes no more requests: lower the concurrency or the rate".to_owned(),
            500..=599 => "see the log of the server".to_owned(),
            _ => return None,
        })
    }
}
