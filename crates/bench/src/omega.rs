use std::str::FromStr;

use crate::BenchError;

/// How much of a late reply's lateness PAUC forgives: 0 strict, 0.5 the default of the paper, 1 correctness only.
#[derive(Clone, Debug, PartialEq)]
pub struct Omega {
    typed: String,
    value: f64,
}

impl Omega {
    /// A comma-separated list, as on the command line. One typed twice counts once.
    ///
    /// # Errors
    /// When one of them is no number from 0 to 1.
    pub fn parse_list(typed: &str) -> Result<Vec<Self>, BenchError> {
        let mut omegas: Vec<Self> = Vec::new();
        for one in typed.split(',') {
            let omega: Self = one.parse()?;
            if !omegas.contains(&omega) {
                omegas.push(omega);
            }
        }
        Ok(omegas)
    }

    /// As the user wrote it: the key of its result.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// From 0 to 1.
    pub fn value(&self) -> f64 {
        self.value
    }
}

impl FromStr for Omega {
    type Err = BenchError;

    fn from_str(typed: &str) -> Result<Self, BenchError> {
        let typed = typed.trim();
        match typed.parse::<f64>() {
            Ok(value) if (0.0..=1.0).contains(&value) => Ok(Self { typed: typed.to_owned(), value }),
            _ => Err(BenchError::Omega { typed: typed.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_as_typed() {
        let omegas = Omega::parse_list("0, 0.50,1,0").unwrap();
        let keys: Vec<_> = omegas.iter().map(Omega::typed).collect();
        assert_eq!(keys, ["0", "0.50", "1"]);
        for bad in ["", "0,,1", "1.5", "-0.1", "NaN", "half"] {
            assert!(Omega::parse_list(bad).is_err(), "{bad:?}");
        }
    }
}
