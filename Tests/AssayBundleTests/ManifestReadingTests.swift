import AssayBundle
import AssayCrypto
import AssayDomain
import Foundation
import Testing

/// Manifests that two clients could read differently.
struct ManifestReadingTests {
    private static let content = Array("weights".utf8)
    private static let digest = Digest.sha256(of: content)

    private static func descriptor(
        _ mediaType: String = "application/octet-stream", _ more: String = "", path: String? = nil
    ) -> String {
        let annotations = path.map { #","annotations":{"org.opencontainers.image.title":"\#($0)"}"# } ?? ""
        return #"{"mediaType":"\#(mediaType)","digest":"\#(digest)","size":\#(content.count)\#(annotations)\#(more)}"#
    }

    private static func image(
        layers: String = descriptor(path: "model.onnx"), config: String = descriptor("application/x"), more: String = ""
    ) -> String {
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.imageManifest)","config":\#(config),"#
            + #""layers":[\#(layers)]\#(more)}"#
    }

    private static func read(_ text: String, _ contentType: String? = nil) throws -> ManifestReading {
        let bytes = Array(text.utf8)
        return try ManifestReading(bytes, digest: .sha256(of: bytes), contentType: contentType)
    }

    private static func notes(_ path: String, _ json: String) -> String {
        let text = json.replacingOccurrences(of: "\"", with: "\\\"")
        return descriptor(
            "application/octet-stream",
            #","annotations":{"org.cncf.model.filepath":"\#(path)","org.cncf.model.file.metadata+json":"\#(text)"}"#)
    }

    @Test(arguments: [
        image(more: #","Layers":[]"#), image(more: #","layer\u017f":[]"#), image(more: #","Config":{}"#),
        image(more: #","MediaType":"x""#), image(more: #","SUBJECT":null"#), image(more: #","ArtifactType":"x""#),
        image(layers: descriptor("a/b", #","Digest":"x""#)), image(layers: descriptor("a/b", #","URLs":[]"#)),
        image(config: descriptor("a/b", #","Annotations":{}"#)), image(more: #","Manifests":[]"#),
        image(more: #","subject":{"mediaType":"a/b","digest":"\#(digest)","size":7,"MEDIATYPE":"x"}"#),
        image(more: #","manifests":[]"#), image(more: #","fsLayers":[]"#), image(more: #","history":[]"#),
        image(more: #","signatures":[]"#), image(more: #","FSLayers":null"#),
        image(layers: descriptor("a/b", #","data":"AAAA""#)),
        image(layers: descriptor("a/b", #","data":"d2VpZ2h0cw""#)),
        image(layers: descriptor("a/b", #","data":7"#)), image(layers: descriptor("a/b", #","urls":"x""#)),
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.imageIndex)","manifests":[],"layers":[]}"#,
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.imageIndex)","manifests":[],"config":\#(descriptor())}"#,
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.imageIndex)","layers":[]}"#,
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.imageManifest)","manifests":[]}"#,
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.imageIndex)","manifests":[{"platform":{"OS":"x"}}]}"#,
        #"{"schemaVersion":2,"mediaType":"text/html","config":\#(descriptor()),"layers":[]}"#,
        #"{"schemaVersion":2,"mediaType":"application/json","config":\#(descriptor()),"layers":[]}"#,
    ])
    func `bytes that two clients could read differently are refused`(text: String) {
        #expect(code { _ = try Self.read(text) } == .manifestInvalid)
    }

    @Test(arguments: ["text/html", "application/json", "Application/vnd.oci.image.manifest.v1+json", ""])
    func `a type that is none of a manifest is refused`(contentType: String) {
        let body = #"{"schemaVersion":2,"config":\#(Self.descriptor()),"layers":[\#(Self.descriptor())]}"#
        #expect(code { _ = try Self.read(body, contentType) } == .manifestInvalid)
        #expect(code { _ = try Self.read(body, MediaType.imageIndex) } == .manifestInvalid)
    }

    @Test(arguments: [
        image(), image(more: #","Unknown":{"Layers":1},"annotations":{"Layers":"x","layers":"y"}"#),
        image(config: descriptor("application/vnd.unknown.config")), image(layers: descriptor("x/unknown")),
        image(layers: descriptor("a/b", #","data":"d2VpZ2h0cw==""#)),
        image(layers: descriptor(path: "a text, no path/")),
        image(more: #","manifests":null,"subject":null"#), image(layers: descriptor("a/b", #","urls":["http://x"]"#)),
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.imageIndex)","manifests":[\#(descriptor())]}"#,
        #"{"schemaVersion":2,"artifactType":"x/y","config":\#(descriptor()),"layers":[]}"#,
    ])
    func `unknown types and members, and titles that are only text, pass`(text: String) {
        #expect(code { _ = try Self.read(text) } == nil)
    }

    @Test(arguments: [
        image(layers: descriptor("a/b", #","urls":["http://x"]"#)), image(layers: descriptor(path: "../x")),
        image(layers: descriptor(path: "./model.onnx")), image(layers: descriptor(path: "a//b")), image(layers: ""),
        image(
            layers: descriptor(
                "a/b", #","annotations":{"org.cncf.model.filepath":"a","org.opencontainers.image.title":"b"}"#)),
        image(
            layers: descriptor(
                "a/b",
                #","annotations":{"org.cncf.model.filepath":"\u00e9","org.opencontainers.image.title":"e\u0301"}"#)),
        image(
            layers: descriptor(
                "a/b", #","annotations":{"org.cncf.model.filepath":"a","org.cnai.model.filepath":"b"}"#)),
        image(
            layers: descriptor(
                "a/b", #","annotations":{"org.opencontainers.image.title":"d","io.deis.oras.content.unpack":"true"}"#)),
        image(layers: descriptor("application/vnd.cncf.model.weight.v1.tar", path: "model.onnx")),
        image(layers: descriptor("application/vnd.cncf.model.weight.v1.tar+gzip", path: "model.onnx")),
        image(layers: descriptor("application/vnd.cncf.model.doc.v1.TAR+zstd", path: "model.onnx")),
        image(layers: descriptor("application/vnd.kitops.modelkit.model.v1.tar+gzip", path: "m")),
        image(layers: descriptor("application/vnd.oci.image.layer.v1.tar+gzip")),
        image(layers: descriptor("application/vnd.oci.image.layer.v1.tar+gzip", path: "model.onnx")),
        image(layers: descriptor("application/vnd.oci.image.layer.v1.tar")),
        image(
            layers: descriptor("application/vnd.oci.image.layer.v1.tar", path: "model.onnx"),
            config: descriptor("application/vnd.oci.image.config.v1+json")),
        image(
            layers: descriptor("application/vnd.oci.image.layer.v1.tar", path: "model.onnx"),
            config: descriptor("application/vnd.docker.container.image.v1+json")),
        image(layers: descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar")),
        image(layers: descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")),
        image(layers: descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip")),
        image(config: descriptor("a/b", #","urls":["http://x"]"#)),
        image(layers: notes("a", #"{"name":"b"}"#)), image(layers: notes("a", #"{"name":"a","typeflag":50}"#)),
        image(layers: notes("a", #"{"name":"a","Name":"b"}"#)), image(layers: notes("a", "{")),
        #"{"schemaVersion":2,"layers":[\#(descriptor(path: "x"))]}"#,
        #"{"schemaVersion":2,"manifests":[\#(descriptor())]}"#,
    ])
    func `what clients could make other files of is ambiguous`(text: String) {
        #expect(code { _ = try Self.read(text).unambiguousFiles() } == .manifestAmbiguous)
    }

    @Test(arguments: [
        image(), image(layers: descriptor("application/x-tar", path: "data.tar")),
        image(layers: descriptor("application/vnd.oci.image.layer.v1.tar", path: "as-oras-has-it.onnx")),
        image(layers: descriptor("application/vnd.cncf.model.weight.v1.raw", path: "a/b.bin")),
        image(layers: descriptor("application/vnd.acme.foreign.weights", path: "w")), image(layers: descriptor()),
        image(layers: notes("a/b", #"{"name":"b","mode":420,"typeflag":48}"#)),
        image(layers: notes("a/b", #"{"name":"a/b","typeflag":0}"#)),
    ])
    func `files by one name are unambiguous whatever their types`(text: String) throws {
        #expect(try Self.read(text).unambiguousFiles().count == 1)
    }

    @Test(arguments: [
        (#""config":\#(descriptor()),"layers":[]"#, MediaType.imageManifest, MediaType.dockerManifest),
        (#""manifests":[]"#, MediaType.imageIndex, MediaType.dockerManifestList),
        (#""layers":[]"#, MediaType.imageManifest, MediaType.imageIndex),
        (#""annotations":{}"#, MediaType.imageManifest, MediaType.imageIndex),
        (#""mediaType":null,"layers":[]"#, MediaType.imageManifest, MediaType.dockerManifest),
    ])
    func `bytes that state no type are of one type, whoever pushes them`(body: String, type: String, other: String) {
        let text = #"{"schemaVersion":2,\#(body)}"#
        #expect(code { _ = try Self.read(text, type) } == nil)
        #expect(code { _ = try Self.read(text, other) } == .manifestInvalid)
    }

    @Test func `a manifest of Docker states its type`() throws {
        let text =
            #"{"schemaVersion":2,"mediaType":"\#(MediaType.dockerManifest)","config":\#(Self.descriptor()),"#
            + #""layers":[]}"#
        #expect(try Self.read(text, MediaType.dockerManifest).manifest.mediaType == MediaType.dockerManifest)
        #expect(try Self.read(text).manifest.mediaType == MediaType.dockerManifest)
    }

    @Test func `a layer of any type is a file`() throws {
        let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar"
        let layers = [Self.descriptor(path: "a"), Self.descriptor(foreign, path: "b")].joined(separator: ",")
        #expect(try ModelPack.files(of: Self.read(Self.image(layers: layers)).manifest).map(\.path) == ["a", "b"])
    }
}
