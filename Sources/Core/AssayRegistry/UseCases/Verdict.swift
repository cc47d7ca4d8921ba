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

    static let verifierID = "urn:assay:registry"

    let verifier: Verifier
    let timeVerified: Timestamp
    let resourceUri: String
    let policy: PolicyDescriptor
    let verificationResult: String
    let verifiedLevels: [String]
    let assayAlias: String
    let assayOutcomes: [RequirementOutcome]

    private enum CodingKeys: String, CodingKey {
        case verifier, timeVerified, resourceUri, policy, verificationResult, verifiedLevels
        case assayAlias = "assay_alias"
        case assayOutcomes = "assay_outcomes"
    }

    /// The standard names its fields in camel case, so they are written as they stand here.
    func json() throws -> [UInt8] { try JSON.encodeVerbatim(self) }
}
