//! Laws of the tape over random expressions of the language.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{Columns, Model, Op};
use crate::catalog::Catalog;

/// A model whose one metric is an expression of the parameters `x`, `y` and `z`.
fn model(expression: &str) -> Model {
    let mut text = format!(
        "[model]\nname = \"law\"\ndefault_metric = \"m\"\n\n[metric.m]\nunit = \"1\"\nequation = '{expression}'\n\
         noise = {{ lognormal = 0.1 }}\n\n[cause.rest]\nnoise = [\"m\"]\n"
    );
    for name in ["x", "y", "z"].into_iter().filter(|name| uses(expression, name)) {
        let _ = write!(text, "\n[parameter.{name}]\nunit = \"1\"\nprior = \"normal(0, 1)\"\n");
    }
    Model::parse("law.toml", &text, &Catalog::default())
        .unwrap_or_else(|error| panic!("{expression}: {:?}", miette::Report::new(error)))
}

fn uses(expression: &str, name: &str) -> bool {
    expression.split(|c: char| !c.is_alphanumeric()).any(|word| word == name)
}

/// The parameters of a model, by name, at points.
fn columns(model: &Model, points: &[[f64; 3]]) -> Columns {
    let column = |name: &str| {
        let index = ["x", "y", "z"].iter().position(|own| *own == name).unwrap();
        points.iter().map(|point| point[index]).collect()
    };
    let parameters = model.parameters.iter().map(|parameter| column(&parameter.definition.name)).collect();
    let inputs = model
        .inputs
        .iter()
        .map(|input| vec![if matches!(input, super::Input::Observed(_)) { f64::NAN } else { 0.0 }; points.len()])
        .collect();
    Columns { inputs, parameters }
}

/// The metric at points.
fn values(model: &Model, points: &[[f64; 3]]) -> Vec<f64> {
    let mut values = Vec::new();
    model.tape.evaluate(&columns(model, points), &(0..points.len()), &mut values);
    let slot = model.node("m").unwrap().predicted as usize;
    values[slot * points.len()..(slot + 1) * points.len()].to_vec()
}

/// Derivatives of the metric by x, y and z at a point.
fn gradient(model: &Model, point: [f64; 3]) -> [f64; 3] {
    let mut values = Vec::new();
    model.tape.evaluate(&columns(model, &[point]), &(0..1), &mut values);
    let mut adjoints = vec![0.0; values.len()];
    adjoints[model.node("m").unwrap().predicted as usize] = 1.0;
    model.tape.backward(&values, 1, &mut adjoints);
    let mut result = [0.0; 3];
    for &(parameter, slot) in &model.parameter_slots {
        let name = &model.parameters[parameter].definition.name;
        let index = ["x", "y", "z"].iter().position(|own| own == name).unwrap();
        result[index] += adjoints[slot as usize];
    }
    result
}

/// Central differences; `None` where the two sides differ, which is at a kink or a step.
fn differences(model: &Model, point: [f64; 3]) -> Option<[f64; 3]> {
    let mut result = [0.0; 3];
    for index in 0..3 {
        let step = 1e-5 * point[index].abs().max(0.1);
        let shifted = |by: f64| {
            let mut moved = point;
            moved[index] += by;
            moved
        };
        let found = values(model, &[shifted(-step), point, shifted(step)]);
        let (left, right) = ((found[1] - found[0]) / step, (found[2] - found[1]) / step);
        let allowed = 1e-3 * (left.abs() + right.abs() + found[1].abs());
        if !allowed.is_finite() || (left - right).abs() >= allowed {
            return None;
        }
        result[index] = f64::midpoint(left, right);
    }
    Some(result)
}

fn assert_derivative(expression: &str, point: [f64; 3]) -> bool {
    let model = model(expression);
    let value = values(&model, &[point])[0];
    let Some(numeric) = differences(&model, point).filter(|_| value.abs() < 1e6) else { return false };
    let exact = gradient(&model, point);
    for (numeric, exact) in numeric.iter().zip(exact) {
        // Rounding of the value over the step, and the third derivative times its square.
        let tolerance = 1e-5 * (exact.abs() + value.abs() + 1.0);
        assert!((numeric - exact).abs() < tolerance, "{expression} at {point:?}: {numeric} instead of {exact}");
    }
    true
}

/// Positive expressions of every function and operator.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => prop::sample::select(vec!["x", "y", "z"]).prop_map(str::to_owned),
        1 => (0.3..3.0_f64).prop_map(|value| format!("{value:.3}")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        let three = (inner.clone(), inner.clone(), inner.clone());
        prop_oneof![
            pair.clone().prop_map(|(a, b)| format!("({a} + {b})")),
            pair.clone().prop_map(|(a, b)| format!("(({a} - {b}) ^ 2 + 0.2)")),
            pair.clone().prop_map(|(a, b)| format!("({a} * {b})")),
            pair.clone().prop_map(|(a, b)| format!("({a} / (0.5 + {b}))")),
            pair.clone().prop_map(|(a, b)| format!("({a} ^ exp(-{b}))")),
            inner.clone().prop_map(|a| format!("exp(-{a} / 3)")),
            inner.clone().prop_map(|a| format!("log(1.2 + {a})")),
            inner.clone().prop_map(|a| format!("log2(1.2 + {a})")),
            inner.clone().prop_map(|a| format!("sqrt({a})")),
            pair.clone().prop_map(|(a, b)| format!("min({a}, {b}, 2.5)")),
            pair.clone().prop_map(|(a, b)| format!("max({a}, 0.1, {b})")),
            pair.clone().prop_map(|(a, b)| format!("smax({a}, {b}, 3)")),
            pair.clone().prop_map(|(a, b)| format!("smin({a}, {b}, 2 + x)")),
            pair.clone().prop_map(|(a, b)| format!("softcap({a}, {b}, 1 + y)")),
            inner.clone().prop_map(|a| format!("clip({a}, 0.4, 5)")),
            pair.prop_map(|(a, b)| format!("(0.3 + mod({a}, 0.7 + {b}))")),
            three.clone().prop_map(|(a, b, c)| format!("if({a} < {b}, {c}, {b})")),
            three.prop_map(|(a, b, c)| format!("if(not ({a} >= {b}) and {b} != {c} or {c} > 1, {a}, log(2 + {c}))")),
        ]
    })
}

fn settings() -> ProptestConfig {
    ProptestConfig { cases: 300, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn the_derivative_of_an_expression_is_its_finite_difference(
        expression in expression(), x in 0.4..2.5_f64, y in 0.4..2.5_f64, z in 0.4..2.5_f64,
    ) {
        prop_assume!(assert_derivative(&expression, [x, y, z]));
    }

    #[test]
    fn columns_at_once_are_rows_one_by_one(
        expression in expression(), points in prop::collection::vec([0.4..2.5_f64, 0.4..2.5, 0.4..2.5], 1..9),
    ) {
        let model = model(&expression);
        let alone: Vec<f64> = points.iter().map(|point| values(&model, &[*point])[0]).collect();
        prop_assert_eq!(values(&model, &points), alone);
    }

    #[test]
    fn constants_fold_to_what_is_evaluated(expression in expression(), x in 0.4..2.5_f64) {
        let point = [x, 1.25, 0.75];
        let evaluated = values(&model(&expression), &[point])[0];
        let mut literal = String::new();
        let mut word = String::new();
        for c in expression.chars().chain([' ']) {
            if c.is_alphanumeric() {
                word.push(c);
                continue;
            }
            match ["x", "y", "z"].iter().position(|name| *name == word) {
                Some(index) => write!(literal, "{:?}", point[index]).unwrap(),
                None => literal.push_str(&word),
            }
            word.clear();
            literal.push(c);
        }
        let model = model(literal.trim());
        let slot = model.node("m").unwrap().predicted as usize;
        prop_assert_eq!(model.tape.ops[slot], Op::Constant(evaluated));
    }
}

#[test]
fn every_function_has_its_derivative() {
    let cases = [
        "x + y - z",
        "x * y / z",
        "x ^ y",
        "x ^ 3",
        "-x ^ 2",
        "exp(x)",
        "log(x)",
        "log2(x)",
        "sqrt(x)",
        "min(x, y, z)",
        "max(x, y, z)",
        "smax(x, y, z)",
        "smin(x, y, z)",
        "softcap(x, y, z)",
        "clip(x, y, z)",
        "clip(z, x, y)",
        "if(x < y, x * y, z)",
        "if(x > y, x * y, z ^ 2)",
        "smax(x, inf, z) ^ -1 + x",
        "smin(x, inf, 3)",
        "softcap(x, inf, 2)",
    ];
    for case in cases {
        for point in [[0.7, 1.3, 2.1], [1.9, 0.6, 1.1]] {
            assert!(assert_derivative(case, point), "{case} at {point:?} was skipped");
        }
    }
}

#[test]
fn the_branch_not_taken_has_no_say() {
    let cases = [
        ("if(x > 1, (x - 1) ^ y, 2 * y)", [1.0, 0.5, 1.0], 1.0),
        ("if(x > 1, log(x - 1) * y, y)", [0.5, 3.0, 1.0], 3.0),
        ("if(x <= 0, y, y + log(x) - sqrt(-1 / x))", [0.0, 3.0, 1.0], 3.0),
        ("if(x > 1, exp(1000 * x) / exp(1000 * y), x)", [1.0, 2.0, 1.0], 1.0),
        ("if(x < 0, 1 / (x - x), z) + if(y > 9, sqrt(y - 100), y)", [1.0, 2.0, 3.0], 5.0),
    ];
    for (expression, point, expected) in cases {
        let model = model(expression);
        assert_eq!(values(&model, &[point])[0], expected, "{expression}");
        let slopes = gradient(&model, point);
        assert!(slopes.iter().all(|slope| slope.is_finite() && slope.abs() < 10.0), "{expression}: {slopes:?}");
    }
}

#[test]
fn rounded_extremes_have_their_limits() {
    let at = |expression: &str, point: [f64; 3]| values(&model(expression), &[point])[0];
    let close = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
    close(at("smax(x, y, z)", [1.0, 1e6, 3.0]), 1e6);
    close(at("smax(x, y, z)", [2.0, 2.0, 4.0]), 2.0 * 2.0_f64.powf(0.25));
    close(at("smax(x, y, z)", [2.0, 3.0, 200.0]), 3.0);
    close(at("smin(x, y, z)", [1.0, 1e6, 3.0]), 1.0);
    close(at("smin(x, y, z)", [2.0, 2.0, 4.0]), 2.0 * 2.0_f64.powf(-0.25));
    close(at("softcap(x, y, z)", [1e9, 5.0, 2.0]), 5.0);
    close(at("softcap(x, y, z)", [1e-6, 5.0, 2.0]), 1e-6);
    close(at("smax(x, 0, z) + smin(y, inf, z)", [2.0, 3.0, 2.0]), 5.0);
    assert_eq!(at("smin(x, y, z)", [0.0, 3.0, 2.0]), 0.0);
    assert_eq!(at("smax(x, y, z)", [1e300, 1e-300, 3.0]), 1e300);
}

#[test]
fn equal_parts_share_one_slot() {
    let count = |expression: &str, is: fn(&Op) -> bool| model(expression).tape.ops.iter().filter(|op| is(op)).count();
    // One more exponential and one more product belong to the noise.
    assert_eq!(count("exp(x * y) + exp(x * y) / exp(x * y)", |op| matches!(op, Op::Exp(_))), 2);
    assert_eq!(count("x * y + sqrt(x * y) * (x * y)", |op| matches!(op, Op::Multiply(..))), 3);
    assert_eq!(count("x + 2 * 3 + sqrt(4) + (2 * 3)", |op| matches!(op, Op::Sqrt(_))), 0);
    let is_smax = |op: &Op| matches!(op, Op::Smax(..));
    assert_eq!(count("smax(log(x) + 3, y, 2) * smax(log(x) + 3, y, 2)", is_smax), 1);
}

#[test]
fn what_is_not_a_number_is_not_swallowed() {
    for expression in [
        "min(2, log(x))",
        "min(log(x), 2)",
        "max(2, log(x))",
        "max(log(x), 2)",
        "clip(log(x), 1, 2)",
        "smax(2, log(x), 3)",
        "smin(log(x), 2, 3)",
        "softcap(2, sqrt(x), 2)",
        "mod(2, log(x))",
    ] {
        assert!(values(&model(expression), &[[-1.0, 1.0, 1.0]])[0].is_nan(), "{expression}");
    }
}
