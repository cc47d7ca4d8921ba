import AssayBundle
import AssayDomain
import Testing

@testable import AssayCommands

/// Whether a verdict is the one behind an entry of the log, in the form of now and in the one before.
struct PromotionRecordTests {
    private static let digest = "sha256:" + String(repeating: "a", count: 64)
    private static let policy = String(repeating: "b", count: 64)

    /// Of this build.
    private static let current = #"""
        {"verifier":{"id":"urn:assay:registry:0123456789abcdef"},"timeVerified":"2026-12-01T00:00:00.000Z",
         "resourceUri":"urn:assay:version:team/fraud:3","inputAttestations":[],
         "policy":{"uri":"urn:assay:policy:sha256:POLICY","digest":{"sha256":"POLICY"}},
         "verificationResult":"PASSED","verifiedLevels":[],
         "urn:assay:verdict:alias":"production","urn:assay:verdict:outcomes":[]}
        """#
    /// Of builds before the fields were URIs.
    private static let former = #"""
        {"verifier":{"id":"urn:assay:registry"},"timeVerified":"2026-11-01T00:00:00.000Z",
         "resourceUri":"team/fraud:3",
         "policy":{"uri":"urn:assay:policy:sha256:POLICY","digest":{"sha256":"POLICY"}},
         "verificationResult":"PASSED","verifiedLevels":[],"assay_alias":"production","assay_outcomes":[]}
        """#

    private func isBehind(_ predicate: String) throws -> Bool {
        let entry = #"""
            {"actor":"local","alias":"production","at":"2026-12-01T00:00:00.000Z","cause":"promotion",
             "digest":"\#(Self.digest)","kind":"alias","policy":"sha256:\#(Self.policy)","repository":"team/fraud",
             "to":3,"verdict":"sha256:\#(String(repeating: "c", count: 64))"}
            """#
        let record = try #require(PromotionRecord(try AuditEntry(parsing: Array(entry.utf8))))
        let statement = Statement(
            subjects: [.init(name: "team/fraud:3", digest: try Digest(parsing: Self.digest))],
            predicateType: PredicateType.verdict,
            predicate: Array(predicate.replacing("POLICY", with: Self.policy).utf8))
        do {
            try record.check(verdict: statement)
            return true
        } catch {
            #expect(error.code == .signatureInvalid)
            return false
        }
    }

    @Test(arguments: [current, former])
    func `a verdict of either form is the one of its promotion`(verdict: String) throws {
        #expect(try isBehind(verdict))
    }

    @Test(arguments: [current, former])
    func `another verdict is not`(verdict: String) throws {
        for (part, other) in [
            ("fraud:3", "fraud:4"), ("team/fraud", "team/other"), (#""production""#, #""staging""#),
            (#""sha256":"POLICY""#, #""sha256":"OTHER""#), ("PASSED", "FAILED"), (#""resourceUri""#, #""resource""#),
            ("team/fraud:3", "urn:assay:version:urn:assay:version:team/fraud:3"), ("team/fraud:3", "team/fraud:03"),
            ("alias", "other"), ("{\"verifier", "[{\"verifier"),
        ] {
            #expect(try !isBehind(verdict.replacing(part, with: other)), "\(part) -> \(other)")
        }
    }

    @Test func `a field under both names is none`() throws {
        let both = Self.current.replacing(
            #""verifiedLevels""#, with: #""assay_alias":"production","verifiedLevels""#)
        #expect(try !isBehind(both))
    }
}
