import AssayCrypto
package import AssayDomain

/// Manifests that attach evidence to another manifest, for referrers lists.
///
/// Source: OCI image-spec 1.1.1, manifest.md, "Guidelines for Artifact Usage"; cosign BUNDLE_SPEC for the first kind.
package enum Referrer {
    /// The bytes of the empty config that such manifests name; it is pushed like any blob.
    package static let emptyConfig = Array("{}".utf8)

    /// The manifest of a model signature; `bundle` is the stored signature file.
    package static func signature(_ bundle: BlobRecord, subject: Descriptor) throws -> [UInt8] {
        try manifest(
            of: bundle, type: MediaType.sigstoreBundle, subject: subject,
            annotations: [
                Annotation.bundleContent: "dsse-envelope", Annotation.bundlePredicateType: PredicateType.modelSignature,
            ])
    }

    /// The manifest of a signed statement; `envelope` is the stored DSSE envelope.
    package static func attestation(
        _ envelope: BlobRecord, predicateType: String, subject: Descriptor
    ) throws -> [UInt8] {
        try manifest(
            of: envelope, type: MediaType.dsseEnvelope, subject: subject,
            annotations: [Annotation.predicateType: predicateType])
    }

    /// The manifest of a document that is no signed statement.
    package static func document(
        _ document: BlobRecord, type: String, annotations: [String: String], subject: Descriptor
    ) throws -> [UInt8] {
        try manifest(of: document, type: type, subject: subject, annotations: annotations)
    }

    private static func manifest(
        of blob: BlobRecord, type: String, subject: Descriptor, annotations: [String: String]
    ) throws -> [UInt8] {
        try WireJSON.encode(
            ArtifactManifest(
                artifactType: type,
                config: Descriptor(
                    mediaType: MediaType.empty, digest: Digest.sha256(of: emptyConfig), size: Int64(emptyConfig.count)),
                layers: [Descriptor(mediaType: type, digest: blob.digest, size: blob.size)],
                subject: Descriptor(mediaType: subject.mediaType, digest: subject.digest, size: subject.size),
                annotations: annotations.isEmpty ? nil : annotations))
    }
}

/// An OCI image manifest that is written here.
struct ArtifactManifest: Encodable {
    let schemaVersion = 2
    let mediaType = MediaType.imageManifest
    let artifactType: String
    let config: Descriptor
    let layers: [Descriptor]
    var subject: Descriptor?
    var annotations: [String: String]?

    private enum CodingKeys: String, CodingKey {
        case schemaVersion, mediaType, artifactType, config, layers, subject, annotations
    }
}
