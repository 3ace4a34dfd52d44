//! Rotary position embedding.

/// Which two values of a head turn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RopeStyle {
    /// Value `i` with value `i + dim / 2` (what Qwen's weights want).
    Halves,
    /// Neighbours (what the weights of the llama family want, as GGUF files order them).
    Pairs,
}

/// The frequencies of a model.
pub(crate) struct Rope {
    style: RopeStyle,
    head_dim: usize,
    /// Radians per position, for each pair.
    frequencies: Vec<f64>,
}

/// The angles of one step's tokens: `[t, half]`.
pub(crate) struct Rotation {
    pub(super) style: RopeStyle,
    pub(super) head_dim: usize,
    pub(super) half: usize,
    pub(super) cos: Vec<f32>,
    pub(super) sin: Vec<f32>,
}

impl Rope {
    /// Frequencies `base^(-2i / turned) / factors[i] * scale` for the first `turned` values of a head.
    pub(crate) fn new(
        style: RopeStyle,
        head_dim: usize,
        turned: usize,
        base: f64,
        scale: f64,
        factors: Option<&[f32]>,
    ) -> Rope {
        let frequency = |pair: usize| {
            let factor = factors
                .and_then(|factors| factors.get(pair))
                .map_or(1.0, |f| f64::from(*f));
            base.powf(-2.0 * pair as f64 / turned as f64) / factor * scale
        };
        Rope {
            style,
            head_dim,
            frequencies: (0..turned / 2).map(frequency).collect(),
        }
    }

    /// The angles for these positions.
    pub(crate) fn at(&self, positions: &[u32]) -> Rotation {
        let half = self.frequencies.len();
        let mut rotation = Rotation {
            style: self.style,
            head_dim: self.head_dim,
            half,
            cos: Vec::with_capacity(positions.len() * half),
            sin: Vec::with_capacity(positions.len() * half),
        };
        for &position in positions {
            for frequency in &self.frequencies {
                let (sin, cos) = (f64::from(position) * frequency).sin_cos();
                rotation.cos.push(cos as f32);
                rotation.sin.push(sin as f32);
            }
        }
        rotation
    }
}
