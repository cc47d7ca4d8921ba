import AssayClient
import AssayDomain

/// A policy as people write it: YAML or JSON, with several profiles in one file if they like.
enum PolicyFile {
    private static let profilesKey = "profiles"
    private static let profileKey = "profile"

    /// Reads and checks a policy here, so that a fault is told with its file. All profiles are checked, also those that
    /// nobody asks for now.
    ///
    /// Throws `policy-invalid`, also if there are profiles and none is of the name asked for.
    static func read(
        _ path: String, profile: String?, alias: String, allowsUnknownMetrics: Bool = false
    ) throws -> Policy {
        let bytes = try InputFile.read(path, bytesMax: Policy.bytesMax)
        let document = try YAMLValue.parse(bytes, name: path, code: .policyInvalid)
        func policy(_ value: YAMLValue) throws -> Policy {
            let policy = try Policy.parse(JSON.encodeVerbatim(value))
            try policy.checkDemands(allowsUnknownMetrics: allowsUnknownMetrics)
            return policy
        }
        guard case .map(var shared) = document, let listed = shared.removeValue(forKey: profilesKey) else {
            guard profile == nil else {
                throw AssayError(
                    .policyInvalid, "\(Printable.quote(path)) has no profiles", remedy: "leave --profile out")
            }
            return try policy(document)
        }
        var policies: [String: Policy] = [:]
        for (name, fields) in try profiles(listed, name: path).sorted(by: { $0.key < $1.key }) {
            // The keys that all profiles share, with those of the profile above them: each key as a whole.
            var merged = shared.merging(fields) { $1 }
            merged[profileKey] = .string(name)
            do {
                policies[name] = try policy(.map(merged))
            } catch let error as AssayError {
                throw AssayError(
                    error.code, "the profile \(Printable.quote(name, limit: 100)): \(error.message)",
                    reason: error.reason, remedy: error.remedy, cause: error)
            }
        }
        let wanted = profile ?? alias
        guard let chosen = policies[wanted] else {
            throw AssayError(
                .policyInvalid, "\(Printable.quote(path)) has no profile \(Printable.quote(wanted))",
                reason: "it has \(Printable.escape(policies.keys.sorted().joined(separator: ", ")))",
                remedy: "name one with --profile")
        }
        return chosen
    }

    private static func profiles(
        _ value: YAMLValue, name: String
    ) throws(AssayError) -> [String: [String: YAMLValue]] {
        guard case .map(let listed) = value, !listed.isEmpty else {
            throw AssayError(
                .policyInvalid, "\(Printable.quote(name)) has no profile: its profiles are no list of names",
                remedy: "write each as a name with its keys")
        }
        var profiles: [String: [String: YAMLValue]] = [:]
        for (profile, fields) in listed {
            guard case .map(let fields) = fields else {
                throw AssayError(
                    .policyInvalid, "the profile \(Printable.quote(profile, limit: 100)) has no value",
                    remedy: "write {} for one that adds nothing")
            }
            guard fields[profileKey] == nil else {
                throw AssayError(
                    .policyInvalid, "the profile \(Printable.quote(profile, limit: 100)) has unknown keys",
                    reason: "its name is where it stands, not in the key 'profile'", remedy: "leave that key out")
            }
            profiles[profile] = fields
        }
        return profiles
    }
}
