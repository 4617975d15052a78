//! What is taken out of other people's texts, and what stays readable.

use lifecycle::{Property, REDACTED, redact, shorten};

/// `*` stands for what is taken out.
#[track_caller]
fn becomes(text: &str, expected: &str) {
    assert_eq!(
        redact(text, &[], 500),
        expected.replace('*', REDACTED),
        "{text}"
    );
}

#[test]
fn only_the_secret_is_taken_out_and_what_stands_around_it_stays() {
    for (text, expected) in [
        ("password=hunter2 failed", "password=* failed"),
        ("password= hunter2 failed", "password= * failed"),
        ("password: hunter2 failed", "password: * failed"),
        ("password:hunter2 failed", "password:* failed"),
        ("password = hunter2 failed", "password = * failed"),
        ("password : hunter2 failed", "password : * failed"),
        ("password: = hunter2 failed", "password: = * failed"),
        (
            "\"password\": \"hunter2\", \"user\": \"me\"",
            "\"password\": \"*\", \"user\": \"me\"",
        ),
        (
            "Authorization: Bearer abc def",
            "Authorization: Bearer * def",
        ),
        ("Authorization=Basic abc def", "Authorization=Basic * def"),
        ("Authorization:bearer abc def", "Authorization:bearer * def"),
        ("the password hunter2 failed", "the password hunter2 failed"),
        (
            "user = me, user=me, user: me, user:me",
            "user = me, user=me, user: me, user:me",
        ),
        ("Bearer abc", "Bearer abc"),
    ] {
        becomes(text, expected);
    }
}

#[test]
fn of_an_address_the_host_and_the_path_stay() {
    for (text, expected) in [
        ("at https://host/path now", "at https://host/path now"),
        ("at https://host/path#part now", "at https://host/path now"),
        ("at https://host/path?x=1 now", "at https://host/path* now"),
        ("at https://host/?token=1 now", "at https://host/* now"),
        (
            "at https://me:word@host/path now",
            "at https://host/path* now",
        ),
        (
            "at https://me:w@rd@host/path now",
            "at https://host/path* now",
        ),
        ("GET /path?token=1 now", "GET /path?token=* now"),
    ] {
        becomes(text, expected);
    }
}

#[test]
fn a_key_is_known_by_its_beginning_or_by_its_length_and_its_letters() {
    for (word, is_key) in [
        ("AKIAIOSFODNN7EXAMPLE", true),
        ("[ASIAIOSFODNN7EXAMPLE]", true),
        ("AKIAIOSFODNN7EXAMPL", false),
        ("AKIAIOSFODNN7EXAMPLES", false),
        ("ABIAIOSFODNN7EXAMPLE", false),
        ("eyJhbGciOiJIUzI1NiJ9a", true),
        ("eyJhbGciOiJIUzI1NiJ9", false),
        ("exJhbGciOiJIUzI1NiJ9a", false),
        // Letters of both cases and a digit, 32 at least.
        ("wJalrXUtnFEMIsK7MDENGsbPxRfiCYEX", true),
        ("wJalrXUtnFEMIsK7MDENGsbPxRfiCYE", false),
        ("wJalrXUtnFEMI/K7MDENG+bPxRfiCY==", true),
        ("wJalrXUtnFEMIsKsMDENGsbPxRfiCYEX", false),
        ("wjalrxutnfemisk7mdengsbpxrficyex", false),
        ("WJALRXUTNFEMISK7MDENGSBPXRFICYEX", false),
        ("wJalr.XUtnFEMIsK7MDENGsbPxRfiCYEX", false),
        ("8aD0a339064fd18ef5b9c94282a00e10", false),
    ] {
        assert_eq!(redact(word, &[], 500) == REDACTED, is_key, "{word}");
    }
}

fn property(name: &str, value: &str) -> Property {
    Property {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

#[test]
fn a_property_value_of_five_characters_is_a_secret_and_a_shorter_one_is_a_word() {
    let secrets = [property("pin", "12345"), property("word", "abcd")];
    assert_eq!(redact("x12345x abcd", &secrets, 500), "x[pin]x abcd");
}

#[test]
fn more_shapes_of_secrets_are_taken_out() {
    for (text, hidden) in [
        (
            "jdbc:postgresql://me:pass1word@db/orders?password=x failed",
            "pass1word",
        ),
        (
            "https://u:pass1word@host/path?authToken=abcdef",
            "pass1word",
        ),
        ("https://host/flinkdashboard?authToken=abcdef&x=1", "abcdef"),
        ("GET /flinkdashboard?authToken=abcdef", "abcdef"),
        ("Authorization=Bearer abcdef.123", "abcdef"),
        ("Authorization: bearer abcdef.123", "abcdef"),
        ("authorization:Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        (
            "sasl.jaas.config=x username=\"me\" password=\"pass1word\";",
            "pass1word",
        ),
        ("{\"password\" : \"pass1word\"}", "pass1word"),
        ("aws_secret_access_key = abcdefgh", "abcdefgh"),
        ("AWS-SECRET: abcdefgh", "abcdefgh"),
        ("ASIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7"),
        (
            "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "eyJhbGci",
        ),
        ("s3://bucket/key?X-Amz-Signature=abcdef", "abcdef"),
    ] {
        let clean = redact(text, &[], 500);
        assert!(!clean.contains(hidden), "{text} -> {clean}");
        assert!(clean.contains(REDACTED), "{text} -> {clean}");
    }
}

#[test]
fn a_secret_is_taken_out_before_the_text_is_cut() {
    let secrets = [
        property("a", "abcdefghij"),
        property("b", "abcdefghijklmnop"),
    ];
    for limit in 0..40 {
        let clean = redact("0123456789 abcdefghijklmnop 0123", &secrets, limit);
        assert!(!clean.contains("abc") && !clean.contains("mnop"), "{clean}");
        assert!(clean.chars().count() <= limit + 1, "{clean}");
    }
}

#[test]
fn what_is_long_is_cut_once_and_says_so() {
    assert_eq!(shorten("short", 5), "short");
    assert_eq!(shorten("longer", 5), "longe…");
    assert_eq!(shorten("", 0), "");
}
