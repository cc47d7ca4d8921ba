import AssayDomain
import Testing

struct ManifestTests {
    static let digest = Digest(algorithm: .sha256, bytes: [UInt8](repeating: 7, count: 32))

    static func parse(_ text: String, contentType: String? = nil) throws -> Manifest {
        try Manifest(parsing: Array(text.utf8), digest: digest, contentType: contentType)
    }

    static func descriptor(_ mediaType: String, size: Int = 3) -> String {
        #"{"mediaType":"\#(mediaType)","digest":"\#(digest)","size":\#(size)}"#
    }

    @Test func `an image manifest gives its parts and keeps its bytes`() throws {
        let text = """
            {"schemaVersion":2,"mediaType":"\(MediaType.imageManifest)","unknown":{"x":[1]},
            "config":\(Self.descriptor("application/x")),"layers":[\(Self.descriptor("application/y", size: 5))],
            "subject":\(Self.descriptor(MediaType.imageManifest)),"annotations":{"a":"b"}}
            """
        let manifest = try Self.parse(text, contentType: MediaType.imageManifest)
        #expect(manifest.bytes == Array(text.utf8))
        #expect(manifest.contentBytes == 5)
        #expect(manifest.references.map(\.role) == [.config, .layer])
        #expect(manifest.subject?.digest == Self.digest)
        #expect(manifest.effectiveArtifactType == "application/x")
        #expect(manifest.annotations == ["a": "b"])
    }

    @Test func `an index lists its children`() throws {
        let text = #"{"schemaVersion":2,"manifests":[\#(Self.descriptor(MediaType.imageManifest))]}"#
        let manifest = try Self.parse(text, contentType: MediaType.imageIndex)
        #expect(manifest.children.count == 1)
        #expect(manifest.requiredBlobs.isEmpty)
    }

    @Test func `layers that are not distributed are not required`() throws {
        let foreign = Self.descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar")
        let manifest = try Self.parse(
            #"{"schemaVersion":2,"config":\#(Self.descriptor("a/b")),"layers":[\#(foreign)]}"#)
        #expect(manifest.requiredBlobs.map(\.mediaType) == ["a/b"])
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"schemaVersion":1}"#, #"{"schemaVersion":2,"layers":{}}"#,
        #"{"schemaVersion":2,"layers":[{"mediaType":"a/b","digest":"sha256:00","size":1}]}"#,
        #"{"schemaVersion":2,"schemaVersion":2}"#,
        #"{"schemaVersion":2,"config":\#(descriptor("a/b", size: -1))}"#,
    ])
    func `what is no manifest is refused`(text: String) {
        #expect(throws: AssayError.self) { try Self.parse(text) }
    }

    @Test func `a media type other than the request's is refused`() {
        #expect(throws: AssayError.self) {
            try Self.parse(
                #"{"schemaVersion":2,"mediaType":"\#(MediaType.imageIndex)"}"#, contentType: MediaType.imageManifest)
        }
    }

    @Test func `sizes that overflow do not trap`() throws {
        let huge = #"{"mediaType":"a/b","digest":"\#(Self.digest)","size":9223372036854775807}"#
        let manifest = try Self.parse(#"{"schemaVersion":2,"layers":[\#(huge),\#(huge)]}"#)
        #expect(manifest.contentBytes == .max)
    }
}
