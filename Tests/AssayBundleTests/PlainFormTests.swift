import AssayBundle
import AssayCrypto
import AssayDomain
import Foundation
import Testing

/// What ties a manifest to its files: the plain form, or a statement of a release key.
struct PlainFormTests {
    private let files = ["b/model.onnx", "README.md", "é.bin"].map { path in
        ModelFile(path: path, digest: .sha256(of: Array(path.utf8)), size: Int64(path.utf8.count))
    }

    private func documents(_ form: PlainForm = .current, kind: Repository.Kind = .model) throws -> ModelPackDocuments {
        try ModelPack.build(
            files, kind: kind, properties: ModelProperties(format: "onnx", precision: "float32"), form: form,
            repository: RepositoryName(parsing: "team/digits"))
    }

    private func binding(
        _ manifest: [UInt8], _ config: [UInt8]?, _ statements: [(content: Statement, signer: TrustedKey)] = []
    ) throws -> ManifestBinding {
        ManifestReading.binding(of: try SampleVersion.manifest(manifest), config: config, statements: statements)
    }

    @Test(arguments: PlainForm.allCases, [Repository.Kind.model, .dataset])
    func `what is written here is of its form`(form: PlainForm, kind: Repository.Kind) throws {
        let written = try documents(form, kind: kind)
        #expect(try binding(written.manifest, written.config) == .plain(form: form.rawValue))
        #expect(try binding(written.manifest, nil) == .unbound)
    }

    @Test func `the name of the repository is no part of the identity`() throws {
        let one = try documents()
        #expect(!String(decoding: one.config, as: UTF8.self).contains("digits"))
        #expect(String(decoding: try documents(.named).config, as: UTF8.self).contains("team/digits"))
    }

    /// The manifest changed as text, and the config with it.
    private func edited(
        manifest: (String) -> String = { $0 }, config: (String) -> String = { $0 }
    ) throws -> (manifest: [UInt8], config: [UInt8]) {
        let written = try documents()
        let newConfig = Array(config(String(decoding: written.config, as: UTF8.self)).utf8)
        let relinked = String(decoding: written.manifest, as: UTF8.self)
            .replacing("\(Digest.sha256(of: written.config))", with: "\(Digest.sha256(of: newConfig))")
            .replacing("\"size\":\(written.config.count)}", with: "\"size\":\(newConfig.count)}")
        return (Array(manifest(relinked).utf8), newConfig)
    }

    @Test(arguments: [
        ("\"layers\":", "\"annotations\":{\"a\":\"b\"},\"layers\":"), ("\"schemaVersion\":2", "\"schemaVersion\": 2"),
        ("\"schemaVersion\":2", "\"schemaVersion\":2,\"x\":1"), ("model.manifest.v1+json", "model.other.v1+json"),
        ("weight.v1.raw", "weight.v2.raw"), ("weight.v1.raw", "weight.v1.tar"),
        ("README.md\"}", "README.md\",\"a\":\"b\"}"),
        ("\"org.opencontainers.image.title\":\"README.md\"", "\"org.opencontainers.image.title\":\"b\""),
        (",\"org.opencontainers.image.title\":\"README.md\"", ""), ("b/model.onnx", "a/../model.onnx"),
        ("b/model.onnx", "b\\/model.onnx"), ("README.md", "zEADME.md"),
        ("\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",", ""),
        ("}],\"mediaType\"", "},null],\"mediaType\""),
    ])
    func `a manifest that says anything else is of no form`(old: String, new: String) throws {
        let (manifest, config) = try edited(manifest: { $0.replacing(old, with: new) })
        let written = try documents()
        #expect(manifest != written.manifest)
        let parsed = try? SampleVersion.manifest(manifest)
        #expect(parsed.flatMap { PlainForm.of($0, config: config) } == nil)
    }

    @Test(arguments: [
        ("{\"config\"", "{\"a\":1,\"config\""), ("\"format\":\"onnx\"", "\"format\":\"onnx\",\"Entrypoint\":[\"x\"]"),
        ("\"descriptor\":{}", "\"descriptor\":{\"title\":\"x\"}"),
        ("\"descriptor\":{}", "\"descriptor\":{\"name\":\"A B\"}"),
        ("\"type\":\"layers\"", "\"type\":\"other\""), ("\"diffIds\":[", "\"diffIds\":[ "),
        ("\"format\":\"onnx\"", "\"format\":null"), ("\"descriptor\":{}", "\"descriptor\":{\"Name\":\"x\"}"),
    ])
    func `a config that says anything else is of no form`(old: String, new: String) throws {
        let (manifest, config) = try edited(config: { $0.replacing(old, with: new) })
        let parsed = try SampleVersion.manifest(manifest)
        #expect(parsed.config?.digest == Digest.sha256(of: config))
        #expect(parsed.config?.size == Int64(config.count))
        #expect(PlainForm.of(parsed, config: config) == nil)
    }

    @Test func `claims in the config may differ and bind nothing`() throws {
        let (manifest, config) = try edited(config: { $0.replacing("float32", with: "int8") })
        #expect(try binding(manifest, config) == .plain(form: 2))
        let other = try documents().config
        #expect(try binding(manifest, other) == .unbound)
    }

    // MARK: By statements

    private static let foreign: [UInt8] = Array(
        """
        {"schemaVersion":2,"mediaType":"\(MediaType.imageManifest)","artifactType":"application/vnd.acme",\
        "config":{"mediaType":"\(MediaType.empty)","digest":"\(Digest.sha256(of: Array("{}".utf8)))","size":2},\
        "layers":[{"mediaType":"application/octet-stream","digest":"\(Digest.sha256(of: [1]))","size":1,\
        "annotations":{"org.opencontainers.image.title":"model.onnx"}}]}
        """.utf8)

    private func key(_ role: TrustedKey.Role, _ key: PrivateKey) -> TrustedKey {
        TrustedKey(
            id: key.publicKey.id, name: "k", pem: key.publicKey.pem, role: role, addedAt: Timestamp(milliseconds: 0))
    }

    @Test func `a release key's statement binds, and no other`() throws {
        let manifest = try SampleVersion.manifest(Self.foreign)
        let signer = key(.release, try PrivateKey.generate())
        let statement = try BindingPredicate.statement(binding: manifest, name: "m")
        #expect(try binding(Self.foreign, nil) == .unbound)
        #expect(try binding(Self.foreign, nil, [(statement, signer)]) == .signed(by: [signer.id]))
        for role in [TrustedKey.Role.training, .registry, .log] {
            #expect(try binding(Self.foreign, nil, [(statement, key(role, try PrivateKey.generate()))]) == .unbound)
        }
        func said(
            as type: String = PredicateType.binding, of subjects: [Digest]? = nil, _ predicate: String? = nil
        ) throws -> ManifestBinding {
            let changed = Statement(
                subjects: (subjects ?? [manifest.digest]).map { .init(name: "m", digest: $0) }, predicateType: type,
                predicate: predicate.map { Array($0.utf8) } ?? statement.predicate)
            return try binding(Self.foreign, nil, [(changed, signer)])
        }
        #expect(try said() == .signed(by: [signer.id]))
        for type in [
            PredicateType.testResult, PredicateType.waiver, PredicateType.provenance, PredicateType.bill, "https://x",
        ] { #expect(try said(as: type) == .unbound) }
        #expect(try said(of: [manifest.digest, .sha256(of: [9])]) == .unbound)
        #expect(try said(of: [.sha256(of: [9])]) == .unbound)
        let file = #"{"path":"model.onnx","digest":"\#(Digest.sha256(of: [1]))","size":1}"#
        #expect(try said(#"{"files":[\#(file)]}"#) == .signed(by: [signer.id]))
        for predicate in [
            "{}", #"{"files":[]}"#, #"{"files":[\#(file),\#(file)]}"#, #"{"Files":[\#(file)]}"#,
            #"{"files":[\#(file)],"FILES":[]}"#, #"{"files":[\#(file.replacing("size\":1", with: "size\":2"))]}"#,
            #"{"files":[\#(file.replacing("model", with: "other"))]}"#,
        ] { #expect(try said(predicate) == .unbound) }
    }

    @Test func `nobody binds what is ambiguous`() throws {
        let text = String(decoding: Self.foreign, as: UTF8.self)
            .replacing("application/octet-stream", with: "application/vnd.cncf.model.weight.v1.tar")
        let manifest = try SampleVersion.manifest(Array(text.utf8))
        #expect(code { _ = try BindingPredicate.statement(binding: manifest, name: "m") } == .manifestAmbiguous)
        guard case .ambiguous = try binding(manifest.bytes, nil) else {
            Issue.record("a packed layer is bound")
            return
        }
    }
}
