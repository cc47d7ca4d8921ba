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
    ])
    func `a profile that is not there is never taken for none`(
        text: String, profile: String?, alias: String, words: String
    ) throws {
        let error = try #require(throws: AssayError.self) { try read(text, profile: profile, alias: alias) }
        #expect(error.code == .policyInvalid)
        #expect(error.message.contains(words), "\(error.message)")
    }
}
