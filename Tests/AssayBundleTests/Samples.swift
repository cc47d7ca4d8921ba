import AssayArchive
import AssayBundle
import AssayCrypto
import AssayDomain
import AssayRegistry
import Foundation
import Testing

/// The id of the key, without a certificate, that signed exactly these files.
func signer(of bundle: [UInt8], files: [VersionFile], trusted: [PublicKey]) throws -> String {
    try ModelSignature.verify(bundle, files: files, trusted: trusted, roots: [], at: Timestamp(milliseconds: 0)).keyID
}

/// A version with its files, signature and report, as the tests of this target need it.
struct SampleVersion {
    static let repository = "team/digits"

    let key: PrivateKey
    let manifest: Manifest
    let files: [VersionFile]
    let referrers: [Manifest]
    let blobs: [Digest: [UInt8]]

    /// Signs with `key` unless it is nil; `contents` are the files by path.
    init(
        contents: [String: [UInt8]] = Self.contents, key: PrivateKey? = nil, isSigned: Bool = true
    ) throws {
        let key = try key ?? PrivateKey.generate()
        var blobs: [Digest: [UInt8]] = [:]
        for content in contents.values { blobs[Digest.sha256(of: content)] = content }
        let documents = try ModelPack.build(
            contents.map { ModelFile(path: $0.key, digest: Digest.sha256(of: $0.value), size: Int64($0.value.count)) },
            kind: .model)
        blobs[Digest.sha256(of: documents.config)] = documents.config
        manifest = try Self.manifest(documents.manifest)
        files = try ModelPack.files(of: manifest)
        var referrers: [Manifest] = []
        if isSigned {
            let signature = try ModelSignature.sign(files, name: "digits", key: key)
            let referrer = try Referrer.signature(Self.record(signature), subject: manifest.descriptor)
            referrers.append(try Self.manifest(referrer))
            blobs[Digest.sha256(of: signature)] = signature
        }
        blobs[Digest.sha256(of: Referrer.emptyConfig)] = Referrer.emptyConfig
        self.key = key
        self.referrers = referrers
        self.blobs = blobs
    }

    static let contents: [String: [UInt8]] = [
        "model.onnx": Array("weights".utf8), "config.json": Array("{}\n".utf8), "data/labels.csv": Array("a,b".utf8),
    ]

    static func manifest(_ bytes: [UInt8]) throws -> Manifest {
        try Manifest(parsing: bytes, digest: Digest.sha256(of: bytes), contentType: MediaType.imageManifest)
    }

    static func record(_ bytes: [UInt8]) -> BlobRecord {
        BlobRecord(digest: Digest.sha256(of: bytes), size: Int64(bytes.count))
    }

    func plan() throws -> BundlePlan {
        let number = try #require(VersionNumber(3))
        return try BundlePlan(
            label: .init(repository: RepositoryName(parsing: Self.repository), number: number), manifest: manifest,
            referrers: referrers)
    }

    func bundle(_ plan: BundlePlan? = nil) throws -> [UInt8] {
        let output = BytesOutput()
        let plan = try plan ?? self.plan()
        let writer = try BundleWriter(plan, to: output)
        for blob in plan.blobs {
            try writer.begin(blob)
            try (blobs[blob.digest] ?? []).withUnsafeBytes { try writer.write($0) }
            try writer.end()
        }
        try writer.finish()
        return output.bytes
    }
}

/// A folder of `fixtures/`.
func fixture(_ path: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("fixtures").appendingPathComponent(path)
}

/// A JSON document changed by a function over its top-level object.
func changed(_ json: [UInt8], _ change: (inout [String: Any]) -> Void) throws -> [UInt8] {
    var object = try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any] ?? [:]
    change(&object)
    return [UInt8](try JSONSerialization.data(withJSONObject: object))
}

/// The code of the error that a call throws; nil if it throws none.
func code(_ body: () throws -> Void) -> ErrorCode? {
    do {
        try body()
        return nil
    } catch {
        return (error as? AssayError)?.code
    }
}
