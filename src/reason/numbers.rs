//! The short names by which prompts and answers speak of facts, objects and actions. The program makes them; what names none
//! of them is dropped.

use crate::domain::{ActionReport, FactReport, ObjectRef, Report};
use std::collections::BTreeMap;

/// How facts (`F1` …), objects (`O1` …) and actions (`I1` …) of one report are called.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    objects: Vec<ObjectRef>,
    of_objects: BTreeMap<ObjectRef, usize>,
}

impl Numbers {
    /// Numbers facts and actions in the report's order; objects as they first come in it: the target, then those of the
    /// causes, the facts, the symptoms and the change.
    pub fn of(report: &Report) -> Self {
        let causes = report.causes.iter().map(|cause| &cause.object);
        let facts = report.facts.iter().map(|fact| &fact.subject.object);
        let symptoms = report.symptoms.iter().map(|symptom| &symptom.object);
        let change = report.change.iter().map(|change| &change.object);
        let mut numbers = Self::default();
        for object in [&report.target].into_iter().chain(causes).chain(facts).chain(symptoms).chain(change) {
            if !numbers.of_objects.contains_key(object) {
                numbers.objects.push(object.clone());
                numbers.of_objects.insert(object.clone(), numbers.objects.len());
            }
        }
        numbers
    }

    /// The number of an object, such as `O2`; `None` for one that the report doesn't name.
    pub fn of_object(&self, object: &ObjectRef) -> Option<String> {
        self.of_objects.get(object).map(|number| format!("O{number}"))
    }

    /// All objects, in order.
    pub fn objects(&self) -> &[ObjectRef] {
        &self.objects
    }

    /// The object of a number.
    pub fn object(&self, number: &str) -> Option<&ObjectRef> {
        self.objects.get(index(number, 'O')?)
    }

    /// The fact of a number.
    pub fn fact<'a>(&self, report: &'a Report, number: &str) -> Option<&'a FactReport> {
        report.facts.get(index(number, 'F')?)
    }

    /// The action of a number.
    pub fn action<'a>(&self, report: &'a Report, number: &str) -> Option<&'a ActionReport> {
        report.actions.get(index(number, 'I')?)
    }
}

/// `F3` is 2. Only as the program writes it: no sign, no zero, no blank.
fn index(number: &str, letter: char) -> Option<usize> {
    let digits = number.strip_prefix(letter)?;
    let plain = !digits.starts_with('0') && digits.len() <= 6 && digits.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| digits.parse::<usize>().ok())??.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::index;

    #[test]
    fn only_what_the_program_writes_is_a_number() {
        assert_eq!((index("F1", 'F'), index("F120", 'F')), (Some(0), Some(119)));
        for wrong in ["F0", "F01", "f1", "O1", "F", "F+1", "F 1", "F-1", "F1 ", "F99999999"] {
            assert_eq!(index(wrong, 'F'), None, "{wrong}");
        }
    }
}
