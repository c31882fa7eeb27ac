//! What a client has spent: questions, tokens, money.

use super::chat::Usage;
use super::{INPUT_PRICE, OUTPUT_PRICE};
use crate::job::Settings;

/// What was spent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Questions that were answered.
    pub requests: u64,
    /// Tokens of the questions, where the service counts them.
    pub input_tokens: u64,
    /// Tokens of the answers, where the service counts them.
    pub output_tokens: u64,
    /// What they cost; none without prices in the settings.
    pub cost: Option<f64>,
}

/// What a million tokens cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    input: Option<f64>,
    output: Option<f64>,
}

impl Prices {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { input: settings.get(&INPUT_PRICE), output: settings.get(&OUTPUT_PRICE) }
    }

    /// What these tokens cost; none when no price is known.
    #[allow(clippy::cast_precision_loss)] // 2^53 tokens are beyond anybody's purse
    fn cost(self, spent: &Spent) -> Option<f64> {
        let part = |price: Option<f64>, tokens: u64| price.map(|price| price * tokens as f64 / 1e6);
        match (part(self.input, spent.input_tokens), part(self.output, spent.output_tokens)) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0.0) + output.unwrap_or(0.0)),
        }
    }
}

impl Spent {
    pub(super) fn add(&mut self, usage: Usage, prices: Prices) {
        self.requests += 1;
        self.input_tokens = self.input_tokens.saturating_add(usage.prompt_tokens);
        self.output_tokens = self.output_tokens.saturating_add(usage.completion_tokens);
        self.cost = prices.cost(self);
    }
}

#[cfg(test)]
mod tests {
    use super::{Prices, Spent};
    use crate::services::ai::chat::Usage;

    #[test]
    fn tokens_are_summed_and_priced_by_the_million() {
        let mut spent = Spent::default();
        let usage = Usage { prompt_tokens: 500_000, completion_tokens: 100_000 };
        spent.add(usage, Prices { input: Some(2.0), output: Some(10.0) });
        assert_eq!(spent.cost, Some(2.0));
        spent.add(Usage::default(), Prices { input: None, output: None });
        assert_eq!((spent.requests, spent.input_tokens, spent.cost), (2, 500_000, None));
    }
}
