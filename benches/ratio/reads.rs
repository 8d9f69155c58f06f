//! P13: a validated read call.

use super::common::alloc::allocations;
use super::common::quiet::Quiet;
use super::common::world::{self, World};
use super::common::{Goal, Options, Pairs, Report, Watch};
use super::raw::token::RawTokens;
use super::{ROOMS, open};
use std::hint::black_box;
use std::thread;
use std::time::Instant;
use switchboard::ChannelId;

/// P13.
pub(super) fn validated_read(options: &Options) {
    const TOKENS: usize = 10_000;
    const CALLS: usize = 20_000;
    let directory = options.fresh_directory("p13");
    let mut world = World::new(100, ROOMS, 1);
    world.tokens = TOKENS;
    let engine = open(&world.write_into(&directory), Quiet::new(), 100);
    let tokens: Vec<_> = (0..TOKENS).map(world::token).collect();
    let rooms: Vec<_> = (0..100)
        .map(|agent| ChannelId::parse(&world::room(agent % ROOMS)).unwrap())
        .collect();
    let bare = RawTokens::new(tokens.iter().map(|token| token.expose().to_owned()));
    let our_call = |number: usize| {
        let number = number.wrapping_mul(7919) % TOKENS;
        let principal = engine.authenticate(&tokens[number]).unwrap();
        let view = engine.collaboration(&principal).unwrap();
        black_box(view.channel(&rooms[number % 100]).unwrap());
    };
    let raw_call = |number: usize| {
        let number = number.wrapping_mul(7919) % TOKENS;
        black_box(bare.check(tokens[number].expose()));
    };
    let nanoseconds = |threads: usize, call: &(dyn Fn(usize) + Sync)| {
        let begin = Instant::now();
        thread::scope(|scope| {
            for thread in 0..threads {
                scope.spawn(move || (0..CALLS).for_each(|number| call(number * threads + thread)));
            }
        });
        begin.elapsed().as_nanos() as f64 / CALLS as f64
    };
    (0..CALLS).for_each(our_call);
    (0..CALLS).for_each(raw_call);
    let counted = allocations(|| (0..1000).for_each(our_call)) as f64 / 1000.0;
    let mut watch = Watch::new(options);
    let (mut one, mut two, mut scale) = (Pairs::default(), Pairs::default(), Pairs::default());
    for _ in 0..options.pairs(15) {
        let (raw_one, our_one) = (nanoseconds(1, &raw_call), nanoseconds(1, &our_call));
        let (raw_two, our_two) = (nanoseconds(2, &raw_call), nanoseconds(2, &our_call));
        one.push(raw_one, our_one);
        two.push(raw_two, our_two);
        scale.push(our_one, our_two);
        watch.tick();
    }
    let report = |what: &str| Report::new("P13", what, "ns").noisy(watch.noisy());
    report("validated read call, 1 thread")
        .goal(Goal::AtMost(1.3))
        .also("allocations", counted)
        .pairs(&one);
    report("validated read call, 2 threads")
        .goal(Goal::AtMost(1.3))
        .pairs(&two);
    report("validated read call, 2 threads over 1")
        .also("throughput", 2.0 / scale.median_ratio())
        .goal(Goal::AtMost(1.25))
        .pairs(&scale);
}
