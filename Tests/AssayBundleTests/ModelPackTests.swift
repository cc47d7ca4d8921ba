import AssayBundle
import AssayCrypto
import AssayDomain
import AssayRegistry
import Foundation
import Testing

struct ModelPackTests {
    private let digest = Digest.sha256(of: [1])

    private func build(_ paths: [String], kind: Repository.Kind = .model) throws -> ModelPackDocuments {
        try ModelPack.build(
            paths.map { ModelFile(path: $0, digest: digest, size: 1) }, kind: kind,
            properties: ModelProperties(format: "onnx", precision: "float32", paramSize: "5.2K"))
    }

    private func manifest(_ layers: [[String: Any]]) throws -> Manifest {
        let body: [String: Any] = ["schemaVersion": 2, "mediaType": MediaType.imageManifest, "layers": layers]
        return try SampleVersion.manifest([UInt8](JSONSerialization.data(withJSONObject: body)))
    }

    private func layer(_ annotations: [String: String], type: String = "application/octet-stream") -> [String: Any] {
        ["mediaType": type, "digest": digest.description, "size": 1, "annotations": annotations]
    }

    @Test func `manifest and config have the form of ModelPack`() throws {
        let documents = try build(["model.onnx", "README.md"])
        let manifest = try SampleVersion.manifest(documents.manifest)
        #expect(manifest.artifactType == "application/vnd.cncf.model.manifest.v1+json")
        #expect(manifest.config?.mediaType == "application/vnd.cncf.model.config.v1+json")
        #expect(manifest.config?.digest == Digest.sha256(of: documents.config))
        #expect(
            manifest.layers.map(\.mediaType) == [
                "application/vnd.cncf.model.doc.v1.raw", "application/vnd.cncf.model.weight.v1.raw",
            ])
        let ids = "\"\(digest)\",\"\(digest)\""
        let config =
            #"{"config":{"format":"onnx","paramSize":"5.2K","precision":"float32"},"#
            + #""descriptor":{},"modelfs":{"diffIds":[\#(ids)],"type":"layers"}}"#
        #expect(String(decoding: documents.config, as: UTF8.self) == config)
    }

    @Test func `the order of the files does not show`() throws {
        #expect(try build(["a", "b/c", "b-c"]) == build(["b-c", "a", "b/c"]))
        let paths = try ModelPack.files(of: SampleVersion.manifest(build(["b/c", "b-c", "a"]).manifest)).map(\.path)
        #expect(paths == ["a", "b-c", "b/c"])
    }

    @Test func `files of a dataset are dataset layers`() throws {
        let manifest = try SampleVersion.manifest(build(["test.npz", "x.bin", "README.md"], kind: .dataset).manifest)
        #expect(manifest.layers.map(\.mediaType).map { $0.split(separator: ".")[3] } == ["doc", "dataset", "dataset"])
    }

    @Test(arguments: [
        ("model.onnx", FileKind.weight), ("a/weights.safetensors", .weight), ("noextension", .weight),
        (".hidden", .weight), ("config.json", .weightConfig), ("LICENSE", .doc), ("a/readme.de", .doc),
        ("notes.md", .doc), ("train.py", .code), ("test.npz", .dataset),
    ])
    func `kinds are guessed from names`(path: String, kind: FileKind) {
        #expect(FileKind.guess(path: path) == kind)
    }

    @Test(arguments: ["../x", "/x", "a/../b", "a\\b", "C:a", "a\nb", "", "a//b"])
    func `unsafe paths are refused both ways`(path: String) throws {
        #expect(code { _ = try build([path]) } == .pathUnsafe)
        let manifest = try manifest([layer([Annotation.modelFilePath: path])])
        #expect(code { _ = try ModelPack.files(of: manifest) } == .pathUnsafe)
    }

    @Test func `paths that cannot lie in one folder are refused`() throws {
        #expect(code { _ = try build(["a", "a"]) } == .pathUnsafe)
        #expect(code { _ = try build(["a", "a/b"]) } == .pathUnsafe)
        #expect(code { _ = try build([]) } == .requestInvalid)
        #expect(code { _ = try build((0...ModelPack.filesMax).map { "f\($0)" }) } == .tooManyEntries)
    }

    @Test func `artifacts of other producers are read by title or digest`() throws {
        let named = "sha256-\(digest.hex)"
        let title = Annotation.title
        #expect(try ModelPack.files(of: manifest([layer([title: "a/b.bin"])])).map(\.path) == ["a/b.bin"])
        #expect(try ModelPack.files(of: manifest([layer([title: "../x"])])).map(\.path) == [named])
        #expect(try ModelPack.files(of: manifest([layer([:]), layer([:])])).map(\.path) == [named])
        let foreign = layer([title: "x"], type: "application/vnd.oci.image.layer.nondistributable.v1.tar")
        #expect(try ModelPack.files(of: manifest([foreign])).map(\.path) == ["x"])
    }

    @Test(arguments: [
        (Int64(0), "0.0K"), (642, "0.6K"), (5_210, "5.2K"), (999_960, "1000.0K"), (1_000_000, "1.0M"),
        (6_738_415_616, "6.7B"), (Int64.max, "9223.4Q"),
    ])
    func `parameter counts are written short`(count: Int64, text: String) {
        #expect(ModelPack.paramSize(of: count) == text)
    }
}
