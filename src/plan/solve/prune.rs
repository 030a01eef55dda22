//! Choices that no optimum needs.

use super::problem::Choice;

/// Choices that another is compared with: more would leave out little more, and take long.
const RECENT: usize = 64;
/// Choices of one service and GPU type that are compared with multiples of smaller ones; beyond, that step is left out.
const MOST_COMPARED: usize = 2000;

/// Indices of the choices that are enough to reach every optimum, in rising order.
///
/// A choice can be replaced, in any plan, by one of the same service, GPU type and count of GPUs that serves at least as much
/// and takes at most as much power (and costs no more): every limit still holds, and the plan is no worse. The same is
/// true of k replicas of a smaller choice that together do so on no more GPUs.
pub fn undominated(choices: &[Choice]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..choices.len()).collect();
    let group = |index: usize| (choices[index].service, choices[index].gpu, choices[index].gpus);
    // What is sorted already, as candidates mostly are, is sorted in linear time.
    order.sort_by(|&a, &b| {
        let (one, two) = (&choices[a], &choices[b]);
        group(a)
            .cmp(&group(b))
            .then(two.supply.total_cmp(&one.supply))
            .then(one.power.total_cmp(&two.power))
            .then(one.draw.total_cmp(&two.draw))
            .then(one.cost.total_cmp(&two.cost))
            .then(a.cmp(&b))
    });
    let mut left: Vec<usize> = Vec::new();
    let mut front: Vec<usize> = Vec::new();
    for (place, &index) in order.iter().enumerate() {
        if place == 0 || group(order[place - 1]) != group(index) {
            left.append(&mut front);
        }
        // Those before it in its group serve at least as much; the last of them take the least.
        if !front.iter().rev().take(RECENT).any(|&other| takes_no_more(&choices[other], &choices[index], 1.0)) {
            front.push(index);
        }
    }
    left.append(&mut front);
    let mut kept = without_multiples(choices, &left);
    kept.sort_unstable();
    kept
}

/// Whether `times` replicas of `a` take no more power than one of `b` and cost no more.
fn takes_no_more(a: &Choice, b: &Choice, times: f64) -> bool {
    a.power * times <= b.power && a.draw * times <= b.draw && a.cost * times <= b.cost
}

/// Leaves out what several replicas on fewer GPUs each do as well. `left` is sorted by service, GPU type and GPUs.
fn without_multiples(choices: &[Choice], left: &[usize]) -> Vec<usize> {
    let kind = |index: &usize| (choices[*index].service, choices[*index].gpu);
    left.chunk_by(|a, b| kind(a) == kind(b))
        .flat_map(|same| {
            let is_needed = |&&index: &&usize| {
                same.len() > MOST_COMPARED || !same.iter().any(|&other| replaces(&choices[other], &choices[index]))
            };
            same.iter().filter(is_needed).copied().collect::<Vec<usize>>()
        })
        .collect()
}

/// Whether replicas of the smaller choice `a` do what one of `b` does.
fn replaces(a: &Choice, b: &Choice) -> bool {
    // Fewer GPUs on one side only: no two choices replace each other.
    a.gpus < b.gpus
        && (1..=b.gpus / a.gpus).any(|times| a.supply * times as f64 >= b.supply && takes_no_more(a, b, times as f64))
}
