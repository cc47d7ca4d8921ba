import AssayDomain

/// The predicate of a verdict: SLSA verification summary v1, with the requirements it decided beside the standard
/// fields.
///
/// Source: slsa.dev/spec/v1.0/verification_summary. Readers ignore the `assay_` fields that they do not know.
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

    static let verifierID = "urn:assay:registry"

    let verifier: Verifier
    let timeVerified: Timestamp
    let resourceUri: String
    let policy: PolicyDescriptor
    let verificationResult: String
    let verifiedLevels: [String]
    let assayAlias: String
    let assayOutcomes: [RequirementOutcome]
    /// Where the alias goes back; absent where it goes on.
    let assayRollback: Rollback?

    private enum CodingKeys: String, CodingKey {
        case verifier, timeVerified, resourceUri, policy, verificationResult, verifiedLevels
        case assayAlias = "assay_alias"
        case assayOutcomes = "assay_outcomes"
        case assayRollback = "assay_rollback"
    }

    /// The standard names its fields in camel case, so they are written as they stand here.
    func json() throws -> [UInt8] { try JSON.encodeVerbatim(self) }
}
