import AssayClient
import AssayDomain

/// A policy as people write it: YAML or JSON, with several profiles in one file if they like.
enum PolicyFile {
    private static let profilesKey = "profiles"

    /// Reads and checks a policy here, so that a fault is told with its file.
    ///
    /// Throws `policy-invalid`, also if there are profiles and none is of the name asked for.
    static func read(_ path: String, profile: String?, alias: String) throws -> Policy {
        let bytes = try LocalFile(opening: path).readAll(bytesMax: Policy.bytesMax)
        let document = try YAMLValue.parse(bytes, name: path, code: .policyInvalid)
        return try Policy.parse(JSON.encode(try select(profile, alias: alias, in: document, name: path)))
    }

    /// The keys that all profiles share, with those of one profile above them: each key as a whole.
    private static func select(
        _ profile: String?, alias: String, in document: YAMLValue, name: String
    ) throws(AssayError) -> YAMLValue {
        guard case .map(var policy) = document, let profiles = policy.removeValue(forKey: profilesKey) else {
            guard profile == nil else {
                throw AssayError(
                    .policyInvalid, "\(Printable.quote(name)) has no profiles", remedy: "leave --profile out")
            }
            return document
        }
        let wanted = profile ?? alias
        guard case .map(let known) = profiles, case .map(let chosen) = known[wanted] else {
            var names: [String] = []
            if case .map(let known) = profiles { names = known.keys.sorted() }
            throw AssayError(
                .policyInvalid, "\(Printable.quote(name)) has no profile \(Printable.quote(wanted))",
                reason: "it has \(Printable.escape(names.joined(separator: ", ")))", remedy: "name one with --profile")
        }
        policy["profile"] = .string(wanted)
        return .map(policy.merging(chosen) { $1 })
    }
}
