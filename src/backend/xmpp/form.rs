//! Data forms (XEP-0004): the value of a field, and a submitted form. Pure.

use super::ns;
use super::xml::Element;

/// Returns a field's first value.
pub(super) fn value(form: &Element, name: &str) -> Option<String> {
    let field = form
        .children()
        .find(|field| field.is("field", ns::DATA) && field.attribute("var") == Some(name))?;
    field.text_of("value", ns::DATA)
}

/// Returns whether a field is true.
pub(super) fn is_set(form: &Element, name: &str) -> bool {
    matches!(value(form, name).as_deref(), Some("1" | "true"))
}

/// Returns a submitted form with those of the fields that the form offers.
pub(super) fn filled(offered: &Element, kind: &str, values: &[(&str, String)]) -> Element {
    let field = |name: &str, value: &str| {
        Element::new("field", ns::DATA)
            .with("var", name)
            .child(Element::new("value", ns::DATA).text(value))
    };
    let has = |name: &str| {
        offered
            .children()
            .any(|field| field.attribute("var") == Some(name))
    };
    let fields = values
        .iter()
        .filter(|(name, _)| has(name))
        .map(|(name, value)| field(name, value));
    Element::new("x", ns::DATA)
        .with("type", "submit")
        .child(field("FORM_TYPE", kind))
        .children_from(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_offered_is_filled_in() {
        let offered = Element::new("x", ns::DATA).child(
            Element::new("field", ns::DATA)
                .with("var", "a")
                .child(Element::new("value", ns::DATA).text("1")),
        );
        assert!(is_set(&offered, "a") && !is_set(&offered, "b"));
        let filled = filled(&offered, "kind", &[("a", "0".into()), ("b", "1".into())]);
        assert_eq!(value(&filled, "a").as_deref(), Some("0"));
        assert_eq!(
            (value(&filled, "b"), value(&filled, "FORM_TYPE").as_deref()),
            (None, Some("kind"))
        );
    }
}
