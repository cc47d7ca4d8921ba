import AssayDomain
import Testing

/// The version that a verdict names, in the form of URIs and in the one before.
struct VerdictFieldTests {
    @Test func `a version has a URI that is read back`() throws {
        let version = try Reference(parsing: "team/fraud:3")
        #expect(VerdictField.resource(version) == "urn:assay:version:team/fraud:3")
        #expect(VerdictField.version(ofResource: "urn:assay:version:team/fraud:3") == version)
        #expect(VerdictField.version(ofResource: "team/fraud:3") == version)
    }

    @Test(arguments: [
        "", "urn:assay:version:", "urn:assay:version:team/fraud", "URN:assay:version:a:1", "urn:assay:policy:a:1",
        "urn:assay:version:urn:assay:version:a:1", "pkg:oci/fraud@sha256", "https://example.org/a:1", "a:01", "a:1\n",
    ])
    func `what names no version is none`(text: String) {
        #expect(VerdictField.version(ofResource: text) == nil)
    }
}
