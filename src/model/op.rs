//! The operations of the tape: their values and derivatives.

/// Index of a slot.
pub(crate) type Slot = u32;

/// One operation. Comparisons and `And`, `Or`, `Not` write 1 or 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Op {
    Constant(f64),
    Input(u32),
    Parameter(u32),
    /// The value of a node: its own slot even where two nodes have one equation.
    Node(Slot),
    /// The first, or the second where the first is unknown (not a number).
    Known(Slot, Slot),
    Negate(Slot),
    Not(Slot),
    Add(Slot, Slot),
    Subtract(Slot, Slot),
    Multiply(Slot, Slot),
    Divide(Slot, Slot),
    Power(Slot, Slot),
    Modulo(Slot, Slot),
    Exp(Slot),
    Log(Slot),
    Log2(Slot),
    Sqrt(Slot),
    Min(Slot, Slot),
    Max(Slot, Slot),
    Smax(Slot, Slot, Slot),
    Smin(Slot, Slot, Slot),
    Less(Slot, Slot),
    LessEqual(Slot, Slot),
    Equal(Slot, Slot),
    And(Slot, Slot),
    Or(Slot, Slot),
    Select(Slot, Slot, Slot),
}

impl Op {
    /// The slots it reads.
    pub(crate) fn reads(self) -> ([Slot; 3], usize) {
        match self {
            Self::Constant(_) | Self::Input(_) | Self::Parameter(_) => ([0; 3], 0),
            Self::Node(a)
            | Self::Negate(a)
            | Self::Not(a)
            | Self::Exp(a)
            | Self::Log(a)
            | Self::Log2(a)
            | Self::Sqrt(a) => ([a, 0, 0], 1),
            Self::Known(a, b)
            | Self::Add(a, b)
            | Self::Subtract(a, b)
            | Self::Multiply(a, b)
            | Self::Divide(a, b)
            | Self::Power(a, b)
            | Self::Modulo(a, b)
            | Self::Min(a, b)
            | Self::Max(a, b)
            | Self::Less(a, b)
            | Self::LessEqual(a, b)
            | Self::Equal(a, b)
            | Self::And(a, b)
            | Self::Or(a, b) => ([a, b, 0], 2),
            Self::Smax(a, b, c) | Self::Smin(a, b, c) | Self::Select(a, b, c) => ([a, b, c], 3),
        }
    }

    /// The value, given the values of the slots it reads. Leaves have none of their own.
    pub(crate) fn apply(self, [a, b, c]: [f64; 3]) -> f64 {
        let truth = |holds: bool| f64::from(u8::from(holds));
        match self {
            Self::Constant(value) => value,
            Self::Input(_) | Self::Parameter(_) => f64::NAN,
            Self::Node(_) => a,
            Self::Known(..) => {
                if a.is_nan() {
                    b
                } else {
                    a
                }
            }
            Self::Negate(_) => -a,
            Self::Not(_) => truth(a == 0.0),
            Self::Add(..) => a + b,
            Self::Subtract(..) => a - b,
            Self::Multiply(..) => a * b,
            Self::Divide(..) => a / b,
            Self::Power(..) => a.powf(b),
            Self::Modulo(..) => a.rem_euclid(b),
            Self::Exp(_) => a.exp(),
            Self::Log(_) => a.ln(),
            Self::Log2(_) => a.log2(),
            Self::Sqrt(_) => a.sqrt(),
            // What is unknown stays unknown, on either side.
            Self::Min(..) => {
                if b < a || b.is_nan() {
                    b
                } else {
                    a
                }
            }
            Self::Max(..) => {
                if b > a || b.is_nan() {
                    b
                } else {
                    a
                }
            }
            Self::Smax(..) => smax(a, b, c),
            Self::Smin(..) => smin(a, b, c),
            Self::Less(..) => truth(a < b),
            Self::LessEqual(..) => truth(a <= b),
            Self::Equal(..) => truth(a == b),
            Self::And(..) => truth(a != 0.0 && b != 0.0),
            Self::Or(..) => truth(a != 0.0 || b != 0.0),
            Self::Select(..) => {
                if a == 0.0 {
                    c
                } else {
                    b
                }
            }
        }
    }

    /// Partial derivatives by the slots it reads, given their values and the result `y`.
    pub(super) fn partials(self, [a, b, c]: [f64; 3], y: f64) -> [f64; 3] {
        let one = |holds: bool| f64::from(u8::from(holds));
        match self {
            Self::Constant(_)
            | Self::Input(_)
            | Self::Parameter(_)
            | Self::Not(_)
            | Self::Less(..)
            | Self::LessEqual(..)
            | Self::Equal(..)
            | Self::And(..)
            | Self::Or(..) => [0.0; 3],
            Self::Node(_) => [1.0, 0.0, 0.0],
            Self::Known(..) => [one(!a.is_nan()), one(a.is_nan()), 0.0],
            Self::Negate(_) => [-1.0, 0.0, 0.0],
            Self::Add(..) => [1.0, 1.0, 0.0],
            Self::Subtract(..) => [1.0, -1.0, 0.0],
            Self::Multiply(..) => [b, a, 0.0],
            Self::Divide(..) => [1.0 / b, -y / b, 0.0],
            Self::Power(..) => [b * a.powf(b - 1.0), if a > 0.0 { y * a.ln() } else { 0.0 }, 0.0],
            Self::Modulo(..) => [1.0, -(a / b).floor(), 0.0],
            Self::Exp(_) => [y, 0.0, 0.0],
            Self::Log(_) => [1.0 / a, 0.0, 0.0],
            Self::Log2(_) => [1.0 / (a * std::f64::consts::LN_2), 0.0, 0.0],
            Self::Sqrt(_) => [0.5 / y, 0.0, 0.0],
            Self::Smax(..) if smooth(a, b, y) => smooth_partials(a, b, c, y, c),
            Self::Smin(..) if smooth(a, b, y) => smooth_partials(a, b, c, y, -c),
            Self::Max(..) | Self::Smax(..) => {
                if b > a {
                    [0.0, 1.0, 0.0]
                } else {
                    [1.0, 0.0, 0.0]
                }
            }
            Self::Min(..) | Self::Smin(..) => {
                if b < a {
                    [0.0, 1.0, 0.0]
                } else {
                    [1.0, 0.0, 0.0]
                }
            }
            Self::Select(..) => [0.0, one(a != 0.0), one(a == 0.0)],
        }
    }
}

/// `(a^p + b^p)^(1/p)`; the larger where one is not positive.
fn smax(a: f64, b: f64, p: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low <= 0.0 || high.is_infinite() { high } else { high * (1.0 + (low / high).powf(p)).powf(1.0 / p) }
}

/// `(a^-p + b^-p)^(-1/p)`; the smaller where one is not positive or infinite.
fn smin(a: f64, b: f64, p: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low <= 0.0 || high.is_infinite() { low } else { low * (1.0 + (low / high).powf(p)).powf(-1.0 / p) }
}

/// Whether the rounded form was used, not the plain extreme.
fn smooth(a: f64, b: f64, y: f64) -> bool {
    a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite() && y.is_finite()
}

/// With A = (a/y)^s and B = (b/y)^s, A + B = 1: ∂y/∂a = A·y/a, ∂y/∂p = y/p·(A ln(a/y) + B ln(b/y)); s is p or −p.
fn smooth_partials(a: f64, b: f64, p: f64, y: f64, s: f64) -> [f64; 3] {
    let (log_a, log_b) = ((a / y).ln(), (b / y).ln());
    let (share_a, share_b) = ((s * log_a).exp(), (s * log_b).exp());
    [share_a * y / a, share_b * y / b, y / p * (share_a * log_a + share_b * log_b)]
}
