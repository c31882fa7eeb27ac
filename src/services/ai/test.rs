//! Trying the service: whether it answers, knows the key, and has the model.

use super::{MODEL, client};
use crate::job::{Settings, Stop};
use crate::services::ServiceError;

/// Models that are named when the right one is not among them.
const NAMED: usize = 10;

/// What the service says of itself.
pub(super) async fn test(settings: Settings, stop: Stop) -> Result<String, ServiceError> {
    let models = client::models(&settings, stop).await?;
    let Some(model) = settings.get(&MODEL) else {
        return Ok(format!("it answers; choose one of its models: {}", list(&models)));
    };
    // Ollama lists `llama3:latest`, and takes `llama3`.
    let latest = format!("{model}:latest");
    if models.iter().any(|id| *id == model || *id == latest) {
        return Ok(format!("model {model} available"));
    }
    let (setting, list) = (MODEL.name(), list(&models));
    Err(ServiceError::Settings(format!("it answers, but has no model `{model}`; set `{setting}` to one of: {list}")))
}

fn list(models: &[String]) -> String {
    let named = models.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match models.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
