use super::*;

#[test]
fn the_same_is_asked_again_for_half_a_minute() {
    let pauses: Vec<u128> = (1..=TRIES_MAX)
        .map(|tries| pause_before(tries).as_millis())
        .collect();
    assert_eq!(pauses, [0, 250, 500, 1000, 2000, 4000, 8000, 16_000]);
}
