//! What a key may do, by a registry's word and its clock (spec/api.md §7): good for knowing beforehand what a statement comes to. Proves nothing: what is
//! said is judged by everyone.

use crate::error::ClientError;
use crate::http::Registry;
use deedbox_authority::Question;
use deedbox_model::KeyId;
use deedbox_view::encode_path;
use serde::{Deserialize, Serialize};

/// The registry's answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Can {
    /// Whether the key may.
    pub may: bool,
    /// What.
    pub action: String,
    /// Of what.
    pub id: String,
    /// The key's id, in hex.
    pub kid: String,
    /// What lets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<CanRule>,
    /// The code of the refusal, if it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The refusal's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Entries of the log by which it is said.
    pub tree_size: u64,
}

/// What lets a key do something.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CanRule {
    /// In words.
    pub sentence: String,
    /// Where it stands in the specification.
    pub section: String,
}

/// Asks it.
pub async fn can(registry: &Registry, question: &Question, kid: KeyId) -> Result<Can, ClientError> {
    let (action, id) = (question.action(), question.to_string());
    let path = format!("api/v1/can?action={action}&id={}&key={kid}", encode_path(&id));
    let Some(can) = registry.get_json::<Can>(&path).await? else {
        return Err(ClientError::Here(format!("{} does not say what a key may do: its program is older than this one", registry.url())));
    };
    let wrong = |why: &str| registry.answer("api/v1/can", "what a key may do", why);
    if (can.action.as_str(), can.id.as_str(), can.kid.as_str()) != (action, id.as_str(), kid.to_hex().as_str()) {
        return Err(wrong("it answers another question"));
    }
    match (can.may, &can.rule, &can.code) {
        (true, Some(_), None) | (false, None, Some(_)) => Ok(can),
        _ => Err(wrong("it has neither a yes with its rule nor a no with its code")),
    }
}
