//! The traps of JSONata and of the bridge to it. Expected values are the reference's (jsonata 2.0.6) or AWS's documentation.

use serde_json::json;

use super::*;

fn ambient() -> Ambient {
    Ambient {
        now: "2026-03-01T12:00:00.123Z".parse().unwrap(),
        rng: Arc::new(Mutex::new(fastrand::Rng::with_seed(7))),
        hook: None,
    }
}

fn evaluate(source: &str, input: Value) -> Result<Value, String> {
    let variables = Variables::from([
        ("limit".to_owned(), json!(3)),
        ("tags".to_owned(), json!({ "a": 1 })),
    ]);
    let states = json!({ "input": input, "context": { "State": { "RetryCount": 2 } } });
    let expression = Expression::parse(source)?;
    let mut needs = Needs::default();
    needs.add(&expression);
    expression.evaluate(&mut Scope::new(states, &variables, &needs, &ambient()))
}

fn table(rows: &[(&str, Value, Value)]) {
    for (source, input, expected) in rows {
        let got = evaluate(source, input.clone());
        assert_eq!(
            got.as_ref().map(Value::to_string),
            Ok(expected.to_string()),
            "{source} of {input}"
        );
    }
}

#[test]
fn values_come_back_as_json_with_integers_whole_and_keys_in_order() {
    table(&[
        (
            "$states.input",
            json!({ "z": 1, "a": [1, 2.5, null], "m": { "y": true, "b": "x" } }),
            json!({ "z": 1, "a": [1, 2.5, null], "m": { "y": true, "b": "x" } }),
        ),
        ("1", json!({}), json!(1)),
        ("4 / 2", json!({}), json!(2)),
        (
            "$states.input.at",
            json!({ "at": 1_772_366_400_123_i64 }),
            json!(1_772_366_400_123_i64),
        ),
        (
            "$states.input.n + 1",
            json!({ "n": 9_007_199_254_740_990_i64 }),
            json!(9_007_199_254_740_991_i64),
        ),
        ("-0", json!({}), json!(0)),
        ("0.1 + 0.2 > 0.3", json!({}), json!(true)),
        (
            "{ 'z': 1, 'a': 2, 'z2': 3 }",
            json!({}),
            json!({ "z": 1, "a": 2, "z2": 3 }),
        ),
        ("null", json!({}), json!(null)),
        ("$states.input.n", json!({ "n": null }), json!(null)),
        ("$limit + $tags.a", json!({}), json!(4)),
        ("$states.context.State.RetryCount", json!({}), json!(2)),
        (
            "$string($states.input.at)",
            json!({ "at": 1_772_366_400_123_i64 }),
            json!("1772366400123"),
        ),
        (
            "$string($states.input)",
            json!({ "a": 1 }),
            json!("{\"a\":1}"),
        ),
        (
            "\"it's \" & 'é' & 1 & true",
            json!({}),
            json!("it's é1true"),
        ),
    ]);
}

#[test]
fn sequences_of_one_are_unwrapped_unless_they_are_kept() {
    let jobs = json!({ "jobs": [{ "id": "a", "up": true }, { "id": "b", "up": false }] });
    table(&[
        ("$states.input.jobs[up].id", jobs.clone(), json!("a")),
        ("$states.input.jobs[up].id[]", jobs.clone(), json!(["a"])),
        ("[$states.input.jobs[up].id]", jobs.clone(), json!(["a"])),
        (
            "[$states.input.jobs[id = 'none'].id]",
            jobs.clone(),
            json!([]),
        ),
        ("$states.input.jobs.id", jobs.clone(), json!(["a", "b"])),
        ("$states.input.list", json!({ "list": [7] }), json!([7])),
        ("$states.input.list", json!({ "list": [] }), json!([])),
        (
            "$states.input.a.b",
            json!({ "a": [{ "b": [1] }, { "b": [2, 3] }] }),
            json!([1, 2, 3]),
        ),
        (
            "$filter($states.input.jobs, function($job) { $job.up })",
            jobs.clone(),
            json!({ "id": "a", "up": true }),
        ),
        (
            "$map($states.input.jobs, function($job) { $job.id })",
            jobs.clone(),
            json!(["a", "b"]),
        ),
        (
            "[$map($states.input.jobs[0], function($job) { $job.id })]",
            jobs.clone(),
            json!(["a"]),
        ),
        ("$append([], 1)", json!({}), json!([1])),
        ("$append([1], [2, 3])", json!({}), json!([1, 2, 3])),
        ("$append($states.input.none, [2])", json!({}), json!([2])),
        ("$count($states.input.none)", json!({}), json!(0)),
        ("$count($states.input.one)", json!({ "one": "x" }), json!(1)),
        ("[1..3]", json!({}), json!([1, 2, 3])),
    ]);
}

#[test]
fn what_is_not_there_falls_out_of_objects_and_arrays() {
    table(&[
        (
            "{ 'a': $states.input.none, 'b': 1 }",
            json!({}),
            json!({ "b": 1 }),
        ),
        ("[1, $states.input.none, 2]", json!({}), json!([1, 2])),
        ("$exists($states.input.none)", json!({}), json!(false)),
        (
            "$exists($states.input.n)",
            json!({ "n": null }),
            json!(true),
        ),
        (
            "$exists($states.input.n) ? $states.input.n : 'default'",
            json!({}),
            json!("default"),
        ),
        ("$states.input.none = 1", json!({}), json!(false)),
        ("$states.input.none in ['a']", json!({}), json!(false)),
    ]);
    for source in [
        "$states.input.none",
        "$not($states.input.none)",
        "$lookup($states.input, 'none')",
        "$",
        "field",
    ] {
        assert_eq!(
            evaluate(source, json!({ "field": 1 })),
            Err("returned nothing (undefined).".to_owned()),
            "{source}"
        );
    }
}

#[test]
fn the_usual_functions_work() {
    table(&[
        (
            "$merge([{ 'a': 1, 'b': 1 }, { 'b': 2 }])",
            json!({}),
            json!({ "a": 1, "b": 2 }),
        ),
        (
            "$merge([$tags, { 'c': 2 }])",
            json!({}),
            json!({ "a": 1, "c": 2 }),
        ),
        (
            "$lookup($states.input, 'a b')",
            json!({ "a b": 5 }),
            json!(5),
        ),
        (
            "$reduce([1, 2, 3], function($sum, $each) { $sum + $each }, 10)",
            json!({}),
            json!(16),
        ),
        (
            "( $double := function($n) { $n * 2 }; $map([1, 2], $double) )",
            json!({}),
            json!([2, 4]),
        ),
        (
            "( $a := 1; $b := $a + 1; $a := 5; $a + $b )",
            json!({}),
            json!(7),
        ),
        (
            "'a' in ['a', 'b'] and $not('c' in ['a', 'b'])",
            json!({}),
            json!(true),
        ),
        (
            "$states.input.n > 2 ? 'many' : $states.input.n > 0 ? 'some' : 'none'",
            json!({ "n": 1 }),
            json!("some"),
        ),
        (
            "$boolean([]) or $boolean('') or $boolean({})",
            json!({}),
            json!(false),
        ),
        ("$boolean([0])", json!({}), json!(false)),
        (
            "$fromMillis($toMillis('2026-03-01T00:00:00Z') + 90000)",
            json!({}),
            json!("2026-03-01T00:01:30.000Z"),
        ),
        (
            "$toMillis('2026-03-01T12:00:00.123Z')",
            json!({}),
            json!(1_772_366_400_123_i64),
        ),
        (
            "$sort($states.input.x, function($l, $r) { $l.n > $r.n }).n",
            json!({ "x": [{ "n": 2 }, { "n": 1 }] }),
            json!([1, 2]),
        ),
        ("$split('a:b:c', ':')[-1]", json!({}), json!("c")),
        ("$keys({ 'b': 1, 'a': 2 })", json!({}), json!(["b", "a"])),
        (
            "$each({ 'b': 1, 'a': 2 }, function($value, $key) { $key & $value })",
            json!({}),
            json!(["b1", "a2"]),
        ),
        ("$match('ab12', /[0-9]+/).match", json!({}), json!("12")),
        ("$contains('a??b', /\\?\\?/)", json!({}), json!(true)),
        ("$join(['a', 'b'], ', ')", json!({}), json!("a, b")),
        ("$max([1, 3, 2]) - $min([4, 2])", json!({}), json!(1)),
        ("$round(2.5) & $round(3.5)", json!({}), json!("24")),
        ("$type($states.input)", json!([1]), json!("array")),
        ("$distinct(['a', 'b', 'a'])", json!({}), json!(["a", "b"])),
        ("$states.input ~> $count()", json!([1, 2]), json!(2)),
    ]);
}

#[test]
fn the_functions_of_aws_work() {
    table(&[
        (
            "$partition([1, 2, 3, 4, 5], 2)",
            json!({}),
            json!([[1, 2], [3, 4], [5]]),
        ),
        ("$range(1, 9, 2)", json!({}), json!([1, 3, 5, 7, 9])),
        ("$range(3, 3, 1)", json!({}), json!([3])),
        ("$range(3, 1, -1)", json!({}), json!([3, 2, 1])),
        (
            "$hash('hello', 'SHA-256')",
            json!({}),
            json!("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
        ),
        ("$parse('{\"a\": [1, 2]}').a[1]", json!({}), json!(2)),
        ("$length($uuid())", json!({}), json!(36)),
        ("$substring($uuid(), 14, 1)", json!({}), json!("4")),
        ("$now()", json!({}), json!("2026-03-01T12:00:00.123Z")),
        ("$now('[Y0001]-[M01]')", json!({}), json!("2026-03")),
        ("$now('[H01]:[m01]', '+0200')", json!({}), json!("14:00")),
        ("$millis()", json!({}), json!(1_772_366_400_123_i64)),
        (
            "$map([1, 2], function($n) { $millis() })",
            json!({}),
            json!([1_772_366_400_123_i64, 1_772_366_400_123_i64]),
        ),
        (
            "( $r := $random(); $r >= 0 and $r < 1 )",
            json!({}),
            json!(true),
        ),
        ("$sum($shuffle([1, 2, 3]))", json!({}), json!(6)),
    ]);
    for wrong in [
        "$partition([1], 0)",
        "$range(1, 2, 0)",
        "$range(1, 5000, 1)",
        "$hash('a', 'MD5')",
        "$parse('{')",
        "$random(5)",
        "$error('no')",
        "$uuid",
        "1/0",
    ] {
        assert!(evaluate(wrong, json!({})).is_err(), "{wrong}");
    }
}

#[test]
fn randomness_is_the_executions_own() {
    let draw = || evaluate("[$uuid(), $random(), $shuffle([1..20])]", json!({})).unwrap();
    assert_eq!(draw(), draw());
    assert_ne!(
        evaluate("$uuid() = $uuid()", json!({})).unwrap(),
        json!(true)
    );
}

#[test]
fn what_aws_refuses_is_refused_when_it_is_read() {
    for (source, why) in [
        ("$states.input.a ?? 1", "`??`"),
        ("$states.input.a ?: 1", "`?:`"),
        ("$eval('1')", "$eval"),
        ("$map(['1'], $eval)", "$eval"),
        ("$$.a", "`$$`"),
        ("$states.inptu.a", "inptu"),
        ("( $states := 1; $states )", "reserved"),
        ("1 +", "refused"),
        ("'open", "refused"),
        ("{ 'a': }", "refused"),
    ] {
        let refusal = Expression::parse(source)
            .map(|expression| expression.source)
            .expect_err(source);
        assert!(refusal.contains(why), "{source}: {refusal}");
    }
    for fine in [
        "'a ?? b ?: $eval $$'",
        "/* ?? */ 1",
        "\"??\"",
        "$contains('x', /a??b/)",
        "true ? 1 : 2",
    ] {
        assert!(Expression::parse(fine).is_ok(), "{fine}");
    }
}

#[test]
fn an_expression_knows_which_variables_it_needs() {
    for (source, expected) in [
        ("$a + $states.input.b", vec!["a"]),
        (
            "( $a := $b; $map($c, function($d, $i) { $d + $i + $e }) )",
            vec!["b", "c", "e"],
        ),
        ("$map($list, $string)", vec!["list"]),
        ("$states.input.xs[$ = $wanted]", vec!["wanted"]),
        ("$states.input.xs@$x#$i.($x)", vec![]),
        ("'$text'", vec![]),
    ] {
        let expression = Expression::parse(source).unwrap();
        assert_eq!(
            expression
                .variables
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
            expected,
            "{source}"
        );
    }
}

#[test]
fn a_function_is_no_result() {
    assert!(
        evaluate("function($x) { $x }", json!({}))
            .unwrap_err()
            .contains("function")
    );
    assert!(evaluate("{ 'f': $sum }", json!({})).is_err());
}

#[test]
fn bindings_do_not_outlive_their_expression() {
    let states = json!({ "input": 1 });
    let mut scope = Scope::new(states, &Variables::new(), &Needs::default(), &ambient());
    assert_eq!(
        Expression::parse("$leak := 5")
            .unwrap()
            .evaluate(&mut scope),
        Ok(json!(5))
    );
    assert!(
        Expression::parse("$leak")
            .unwrap()
            .evaluate(&mut scope)
            .is_err()
    );
    assert_eq!(
        Expression::parse("$states.input")
            .unwrap()
            .evaluate(&mut scope),
        Ok(json!(1))
    );
}
