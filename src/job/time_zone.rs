//! Time zones by their IANA names, `Europe/Berlin`.

use chrono_tz::{TZ_VARIANTS, Tz};

/// The zone of that name. The error names those that may have been meant.
pub fn time_zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| match near(name).as_slice() {
        [] => "is not the IANA name of a time zone, as `UTC` or `Europe/Berlin` are".to_owned(),
        near => format!("is not the IANA name of a time zone; did you mean `{}`?", near.join("`, `")),
    })
}

/// Names alike, nearest first; a city alone is enough.
fn near(name: &str) -> Vec<&'static str> {
    const ALIKE: f64 = 0.88; // of 1.0; finds `Europe/Belrin` and `new york`, and few where nothing is alike
    const TOLD: usize = 3;
    let fold = |text: &str| text.chars().take(60).collect::<String>().to_lowercase().replace(' ', "_");
    let wanted = fold(name);
    let alike = |zone: &Tz| {
        let zone = fold(zone.name());
        let city = zone.rsplit('/').next().unwrap_or(&zone);
        strsim::jaro_winkler(&wanted, &zone).max(strsim::jaro_winkler(&wanted, city))
    };
    let mut near: Vec<_> =
        TZ_VARIANTS.iter().map(|zone| (alike(zone), zone.name())).filter(|(a, _)| *a >= ALIKE).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().map(|(_, name)| name).take(TOLD).collect()
}

#[cfg(test)]
mod tests {
    use super::time_zone;

    #[test]
    fn a_zone_is_known_by_its_name_and_a_wrong_one_is_set_right() {
        assert_eq!(time_zone("Europe/Berlin").unwrap().name(), "Europe/Berlin");
        for (wrong, right) in [
            ("Europe/Belrin", "`Europe/Berlin`"),
            ("berlin", "`Europe/Berlin`"),
            ("new york", "`America/New_York`"),
            ("utc", "`UTC`"),
        ] {
            let error = time_zone(wrong).unwrap_err();
            assert!(error.contains(right), "{wrong}: {error}");
        }
        for nothing in ["", "qqqq", "\0", "+02:00"] {
            assert!(!time_zone(nothing).unwrap_err().contains("did you mean"), "{nothing}");
        }
    }
}
