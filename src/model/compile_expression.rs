//! Expressions to operations of the tape.

use super::compile::Compiler;
use super::digest::text_code;
use super::expression::{Expression, ExpressionKind, Function, Operator};
use super::frame::Input;
use super::op::{Op, Slot};
use super::tape::TapeBuilder;

impl Compiler<'_> {
    /// The slot of an expression's value.
    pub(super) fn expression(&mut self, expression: &Expression) -> Slot {
        match &expression.kind {
            ExpressionKind::Number(value, _) => self.tape.push(Op::Constant(*value)),
            ExpressionKind::Text(text) => self.tape.push(Op::Constant(text_code(text))),
            ExpressionKind::Truth(holds) => self.tape.push(Op::Constant(f64::from(u8::from(*holds)))),
            ExpressionKind::Name(name) => self.name(name),
            ExpressionKind::Negate(inner) => {
                let inner = self.expression(inner);
                self.tape.push(Op::Negate(inner))
            }
            ExpressionKind::Not(inner) => {
                let inner = self.expression(inner);
                self.tape.push(Op::Not(inner))
            }
            ExpressionKind::Binary(operator, left, right) => {
                let (a, b) = (self.expression(left), self.expression(right));
                self.binary(*operator, a, b)
            }
            ExpressionKind::Call(function, arguments) => {
                let slots: Vec<Slot> = arguments.iter().map(|argument| self.expression(argument)).collect();
                self.call(*function, &slots)
            }
        }
    }

    fn name(&mut self, name: &str) -> Slot {
        if let Some(&slot) = self.names.get(name) {
            return slot;
        }
        if let Some(index) = self.definition.regimes.iter().position(|regime| regime.name == name) {
            let input = self.input(Input::State(index));
            return self.input_slot(input);
        }
        let index = self
            .definition
            .parameters
            .iter()
            .position(|parameter| parameter.name == name)
            .expect("names were checked before compilation");
        let value = self.tape.push(Op::Parameter(index as u32));
        match &self.definition.parameters[index].only {
            Some((_, only)) => {
                let only = self.expression(&only.clone());
                let zero = self.tape.push(Op::Constant(0.0));
                self.tape.push(Op::Select(only, value, zero))
            }
            None => value,
        }
    }

    fn binary(&mut self, operator: Operator, a: Slot, b: Slot) -> Slot {
        let op = match operator {
            Operator::Add => Op::Add(a, b),
            Operator::Subtract => Op::Subtract(a, b),
            Operator::Multiply => Op::Multiply(a, b),
            Operator::Divide => Op::Divide(a, b),
            Operator::Power => Op::Power(a, b),
            Operator::Less => Op::Less(a, b),
            Operator::LessEqual => Op::LessEqual(a, b),
            Operator::Greater => Op::Less(b, a),
            Operator::GreaterEqual => Op::LessEqual(b, a),
            Operator::Equal => Op::Equal(a, b),
            Operator::NotEqual => {
                let equal = self.tape.push(Op::Equal(a, b));
                Op::Not(equal)
            }
            Operator::And => Op::And(a, b),
            Operator::Or => Op::Or(a, b),
        };
        self.tape.push(op)
    }

    fn call(&mut self, function: Function, slots: &[Slot]) -> Slot {
        let fold = |tape: &mut TapeBuilder, make: fn(Slot, Slot) -> Op| {
            slots[1..].iter().fold(slots[0], |so_far, &next| tape.push(make(so_far, next)))
        };
        let op = match function {
            Function::If => Op::Select(slots[0], slots[1], slots[2]),
            Function::Min => return fold(&mut self.tape, Op::Min),
            Function::Max => return fold(&mut self.tape, Op::Max),
            Function::Exp => Op::Exp(slots[0]),
            Function::Log => Op::Log(slots[0]),
            Function::Log2 => Op::Log2(slots[0]),
            Function::Sqrt => Op::Sqrt(slots[0]),
            Function::Mod => Op::Modulo(slots[0], slots[1]),
            Function::Smax => Op::Smax(slots[0], slots[1], slots[2]),
            // x/(1+(x/room)^q)^(1/q) is the rounded minimum of x and the room.
            Function::Smin | Function::Softcap => Op::Smin(slots[0], slots[1], slots[2]),
            Function::Clip => {
                let above = self.tape.push(Op::Max(slots[0], slots[1]));
                Op::Min(above, slots[2])
            }
        };
        self.tape.push(op)
    }
}
