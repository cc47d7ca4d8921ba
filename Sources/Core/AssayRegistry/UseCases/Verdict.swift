import AssayDomain

/// The predicate of a verdict: SLSA verification summary v1, with the requirements it decided beside the standard
/// fields.
///
/// Source: slsa.dev/spec/v1.0/verification_summary. Readers ignore the fields that they do not know.
struct Verdict: Sendable, Encodable {
    struct Verifier: Sendable, Encodable { let id: String }

    struct PolicyDescriptor: Sendable, Codable {
        let uri: String
        let digest: [String: String]
    }

    struct Rollback: Sendable, Encodable {
        let reason: String
        let emergency: Bool
        /// The version that held the alias.
        let from: VersionNumber?

        init?(_ way: Promote.Way, from holder: VersionNumber?) {
            guard let reason = way.reason else { return nil }
            self.reason = reason
            emergency = way.isEmergency
            from = holder
        }
    }

    /// A signed document that it was decided by.
    struct Input: Sendable, Encodable {
        let uri: String
        let digest: [String: String]

        init(_ envelope: Digest) {
            uri = "urn:assay:attestation:\(envelope)"
            digest = [envelope.algorithm.rawValue: envelope.hex]
        }
    }

    /// The URI of a registry: the key of its log, which no other one can follow, tells it from all others. A registry
    /// that keeps no key of its own is told by the signature alone.
    static func verifierID(logKeyID: String?) -> String {
        "urn:assay:registry" + (logKeyID.map { ":\($0.prefix(16))" } ?? "")
    }

    let verifier: Verifier
    let timeVerified: Timestamp
    let resourceUri: String
    let policy: PolicyDescriptor
    let inputAttestations: [Input]
    let verificationResult: String
    let verifiedLevels: [String]
    let alias: String
    let outcomes: [RequirementOutcome]
    /// Where the alias goes back; absent where it goes on.
    let rollback: Rollback?

    private enum CodingKeys: String, CodingKey {
        case verifier, timeVerified, resourceUri, policy, inputAttestations, verificationResult, verifiedLevels
    }

    func encode(to encoder: any Encoder) throws {
        var standard = encoder.container(keyedBy: CodingKeys.self)
        try standard.encode(verifier, forKey: .verifier)
        try standard.encode(timeVerified, forKey: .timeVerified)
        try standard.encode(resourceUri, forKey: .resourceUri)
        try standard.encode(policy, forKey: .policy)
        try standard.encode(inputAttestations, forKey: .inputAttestations)
        try standard.encode(verificationResult, forKey: .verificationResult)
        try standard.encode(verifiedLevels, forKey: .verifiedLevels)
        var own = encoder.container(keyedBy: VerdictField.self)
        try own.encode(alias, forKey: .alias)
        try own.encode(outcomes, forKey: .outcomes)
        try own.encodeIfPresent(rollback, forKey: .rollback)
    }

    /// The standard names its fields in camel case, so they are written as they stand here.
    func json() throws -> [UInt8] { try JSON.encodeVerbatim(self) }
}
