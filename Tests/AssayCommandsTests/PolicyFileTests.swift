import AssayDomain
import Testing

@testable import AssayCommands

struct PolicyFileTests {
    private static let profiles = """
        version: 1
        dataset: d:1
        metrics: {accuracy: {min: 0.8}}
        deadline_seconds: 60
        profiles:
          staging: {}
          production:
            metrics: {accuracy: {min: 0.9}}
            latency: {p50: {max_milliseconds: 5}}
        """

    private func read(_ text: String, profile: String? = nil, alias: String) throws -> Policy {
        let folder = try TestFolder()
        return try PolicyFile.read(try folder.write(text, as: "policy.yaml"), profile: profile, alias: alias)
    }

    @Test func `a profile stands above what all of them share`() throws {
        let staging = try read(Self.profiles, alias: "staging")
        #expect(staging.profile == "staging")
        #expect(staging.metrics?["accuracy"]?.min == 0.8)
        #expect(staging.latency == nil)
        let production = try read(Self.profiles, alias: "production")
        #expect(production.metrics?["accuracy"]?.min == 0.9)
        #expect(production.latency?.p50?.maxMilliseconds == 5)
        #expect(production.deadlineSeconds == 60, "it is shared")
        #expect(try read(Self.profiles, profile: "production", alias: "eu").profile == "production")
    }

    @Test(arguments: [
        (profiles, nil as String?, "canary", "has no profile 'canary'"),
        (profiles, "canary", "production", "has no profile 'canary'"),
        ("version: 1", "production", "production", "has no profiles"),
        ("version: 1\nprofiles: 3", nil, "production", "has no profile"),
        ("version: 1\nprofiles: {production: {metric: {a: {min: 1}}}}", nil, "production", "unknown keys"),
        // A profile that nobody asks for is checked too.
        ("version: 1\nprofiles: {production: {}, staging: {metric: {a: {min: 1}}}}", nil, "production", "'staging'"),
        ("version: 1\nprofiles: {production: {}, staging: }", nil, "production", "'staging' has no value"),
        ("version: 1\nprofiles: {production: {}, staging: {size.max_bytes: 1}}", nil, "production", "'staging'"),
        ("version: 1\nprofiles: {production: {}, staging: {profile: lax}}", nil, "production", "'staging'"),
        ("version: 1\nprofiles: {production: {dataset: d:1, metrics: {acc: {min: 1}}}}", nil, "production", "'acc'"),
        ("version: 1\nprofiles: {}", nil, "production", "has no profile"),
    ])
    func `a profile that is not there is never taken for none`(
        text: String, profile: String?, alias: String, words: String
    ) throws {
        let error = try #require(throws: AssayError.self) { try read(text, profile: profile, alias: alias) }
        #expect(error.code == .policyInvalid)
        #expect(error.message.contains(words), "\(error.message)")
    }

    private static let misread = [
        "{min: 0,9}", "{min: 0,95, max_drop: 0,01}", "{min: 100:00}", "{min: 020000}", "{min: 0x1F}", "{min: 1_000}",
        "{min: .5}", "{min: 5.}", "{min: +1}", "{min: 0o17}", "{min: 0b1}", "{min: 1:30.5}", "{min: 01}", "{min: -.5}",
        "{min: 0.9_5}", "{min: .inf}", "{min: .nan}", "{min: 1e400}", "{min: \"0.9\"}", "{min: '0.9'}", "{min: 0.9.1}",
        "{min: 1e}", "{min: yes}", "{min: ~}", "{min: }", "{min: null}", "{min: !!int '1'}", "{min: !!str 1}",
        "{min: !!float 0x10}", "{min: 1 000}", "{min: 90%}", "{min: 0,9, max: 1}", "{min: 1'000}", "{min: 2026-01-02}",
        "{min: [0.9]}", "{minn: 0.9}", "{min.x: 0.9}", "{Min: 0.9}", "{min: 0.9, max_drop: }", "{min: 0.9, maxDrop: 0}",
        "{min: ０.9}", "{min: \u{0661}}", "{'min': 0.9, \"m\\x69n\": 0.1}", "{min: 0x1p3}", "{min: 9e99999}",
    ]

    @Test(arguments: misread.indices)
    func `a bound that somebody could read as another is refused`(index: Int) throws {
        let text = "version: 1\ndataset: d:1\nmetrics:\n  accuracy: \(Self.misread[index])\n"
        let error = try #require(throws: AssayError.self) { try read(text, alias: "production") }
        #expect(error.code == .policyInvalid)
    }

    @Test func `in lines of their own as well`() throws {
        for line in [
            "min: 0,9", "min: 100:00", "min: 020000", "min: 1_000", "min:", "min: 0.9\n    min: 0.1", "? min\n    :",
        ] {
            let text = "version: 1\ndataset: d:1\nmetrics:\n  accuracy:\n    \(line)\n"
            #expect(throws: AssayError.self, "\(line)") { try read(text, alias: "production") }
        }
    }

    @Test(arguments: [("0.9", 0.9), ("1", 1), ("0.1e1", 1), ("9E-1", 0.9), ("-0.0", 0), ("1e+0", 1)])
    func `numbers are those of JSON`(text: String, value: Double) throws {
        for form in ["{min: \(text)}", #"{"min": \#(text)}"#] {
            let policy = try read(
                "version: 1\ndataset: d:1\nmetrics: {r2: \(form)}\n", alias: "production")
            #expect(policy.metrics?["r2"]?.min == value)
        }
    }

    @Test func `words that are text stay text, and words that may be something else are quoted`() throws {
        func demand(_ value: String) throws -> FieldBound? {
            try read(
                "version: 1\nattestations: [{type: 'https://example.org/x', where: {a.b: \(value)}}]\n", alias: "p"
            ).attestations?.first?.where?["a.b"]
        }
        #expect(try demand("true") == .flag(true))
        #expect(try demand("\"yes\"") == .text("yes") && demand("'1.2.3'") == .text("1.2.3"))
        #expect(try demand("team/x:3") == .text("team/x:3") && demand("v1.2") == .text("v1.2"))
        #expect(try demand("{min: 0.6}") == .range(min: 0.6, max: nil) && demand("3") == .number(3))
        for word in ["yes", "No", "ON", "off", "y", "N", "True", "FALSE", "2026-01-02", "1.2.3", "0xff", "12:30", "="] {
            #expect(throws: AssayError.self, "\(word)") { try demand(word) }
        }
    }

    @Test func `the fault says what was meant`() throws {
        let error = try #require(throws: AssayError.self) {
            try read("version: 1\ndataset: d:1\nmetrics: {accuracy: {min: 0,9}}\n", alias: "production")
        }
        #expect(error.reason?.contains("numbers have a point and no comma") ?? false, "\(error)")
        let other = try #require(throws: AssayError.self) {
            try read("version: 1\ndataset: d:1\nmetrics: {accuracy: {mim: 0.9}}\n", alias: "production")
        }
        #expect(other.remedy == "did you mean 'min'?")
    }
}
