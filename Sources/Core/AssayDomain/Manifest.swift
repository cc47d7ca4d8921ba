/// What a manifest says of one piece of content: its type, digest and size in bytes.
///
/// Source: OCI image-spec 1.1.1, descriptor.md.
package struct Descriptor: Sendable, Hashable, Codable {
    package var mediaType: String
    package var digest: Digest
    package var size: Int64
    package var artifactType: String?
    package var annotations: [String: String]?

    package init(
        mediaType: String, digest: Digest, size: Int64, artifactType: String? = nil,
        annotations: [String: String]? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.artifactType = artifactType
        self.annotations = annotations
    }
}

/// An OCI image manifest or index: the bytes as they came, and what Assay reads from them.
///
/// Only the fields named here are interpreted. Everything else, unknown media types included, is kept byte for byte.
package struct Manifest: Sendable, Hashable {
    /// How a manifest speaks of a descriptor in it.
    package enum Role: String, Sendable, CaseIterable {
        case config
        case layer
        case child
    }

    /// The default limit of a manifest in bytes; OCI distribution-spec 1.1.1 demands at least 4 MiB.
    package static let bytesMaxDefault = 4 << 20
    /// The largest manifest that any store accepts, in bytes: what a reader must be able to take.
    package static let bytesMax = 64 << 20

    /// The body exactly as it was pushed; its digest is the manifest's identity.
    package let bytes: [UInt8]
    package let digest: Digest
    package let mediaType: String
    package let artifactType: String?
    package let config: Descriptor?
    package let layers: [Descriptor]
    package let children: [Descriptor]
    package let subject: Descriptor?
    package let annotations: [String: String]

    /// Reads a manifest whose digest the caller has computed from the same bytes.
    ///
    /// Throws `manifest-invalid` if it is no JSON object of a manifest's form, or says another media type than the
    /// request did.
    package init(parsing bytes: [UInt8], digest: Digest, contentType: String?) throws(AssayError) {
        let body: Body
        do {
            body = try JSON.decodeVerbatim(Body.self, from: bytes)
        } catch let error as AssayError {
            throw AssayError(.manifestInvalid, "the manifest cannot be read", reason: error.reason ?? error.message)
        } catch {
            throw AssayError(.manifestInvalid, "the manifest cannot be read", cause: error)
        }
        guard body.schemaVersion == 2 else {
            throw AssayError(.manifestInvalid, "the manifest cannot be read", reason: "its schemaVersion is not 2")
        }
        if let stated = body.mediaType, let contentType, stated != contentType {
            throw AssayError(
                .manifestInvalid, "the manifest's mediaType is not the request's Content-Type",
                reason: "\(Printable.quote(stated)) against \(Printable.quote(contentType))")
        }
        let descriptors = body.descriptors
        guard descriptors.allSatisfy({ $0.size >= 0 }) else {
            throw AssayError(.manifestInvalid, "the manifest names content of negative size")
        }
        self.bytes = bytes
        self.digest = digest
        mediaType =
            body.mediaType ?? contentType
            ?? (body.manifests == nil ? MediaType.imageManifest : MediaType.imageIndex)
        // Source: distribution-spec 1.1.1, "Listing Referrers": an empty type is none.
        artifactType = body.artifactType.flatMap { $0.isEmpty ? nil : $0 }
        config = body.config
        layers = body.layers ?? []
        children = body.manifests ?? []
        subject = body.subject
        annotations = body.annotations ?? [:]
    }

    private struct Body: Decodable {
        var schemaVersion: Int?
        var mediaType: String?
        var artifactType: String?
        var config: Descriptor?
        var layers: [Descriptor]?
        var manifests: [Descriptor]?
        var subject: Descriptor?
        var annotations: [String: String]?

        var descriptors: [Descriptor] {
            (layers ?? []) + (manifests ?? []) + [config, subject].compactMap(\.self)
        }
    }
}

extension Manifest {
    /// Everything the manifest is made of, in order; the subject is not part of it.
    package var references: [(role: Role, descriptor: Descriptor)] {
        (config.map { [(.config, $0)] } ?? []) + layers.map { (.layer, $0) } + children.map { (.child, $0) }
    }

    /// The blobs that must be there before the manifest is accepted.
    package var requiredBlobs: [Descriptor] {
        (config.map { [$0] } ?? []) + layers.filter { !MediaType.isNonDistributable($0.mediaType) }
    }

    /// The sum of the sizes of its layers, in bytes, capped at the largest number.
    package var contentBytes: Int64 {
        layers.reduce(0) { total, layer in
            let (sum, overflow) = total.addingReportingOverflow(layer.size)
            return overflow ? .max : sum
        }
    }

    /// The type under which a referrers list shows it (distribution-spec 1.1.1, "Listing Referrers").
    package var effectiveArtifactType: String? { artifactType ?? config?.mediaType }

    /// The descriptor under which others refer to it.
    package var descriptor: Descriptor {
        Descriptor(
            mediaType: mediaType, digest: digest, size: Int64(bytes.count), artifactType: effectiveArtifactType,
            annotations: annotations.isEmpty ? nil : annotations)
    }
}
