/// The media types that Assay gives a meaning to; all others are kept as they are.
package enum MediaType {
    // OCI image-spec 1.1.1
    package static let imageManifest = "application/vnd.oci.image.manifest.v1+json"
    package static let imageIndex = "application/vnd.oci.image.index.v1+json"
    package static let imageLayer = "application/vnd.oci.image.layer.v1.tar"
    package static let empty = "application/vnd.oci.empty.v1+json"
    // Docker image manifest version 2, schema 2
    package static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    package static let dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"
    // CNCF ModelPack model-spec v0.0.7
    package static let modelManifest = "application/vnd.cncf.model.manifest.v1+json"
    package static let modelConfig = "application/vnd.cncf.model.config.v1+json"
    // Evidence
    package static let sigstoreBundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
    package static let dsseEnvelope = "application/vnd.dsse.envelope.v1+json"
    package static let inToto = "application/vnd.in-toto+json"
    /// The types of referrers whose content is a DSSE envelope.
    package static let envelopes = [dsseEnvelope, inToto]
    package static let cycloneDX = "application/vnd.cyclonedx+json"
    /// A proof of the audit log (C2SP tlog-proof); the name is ours.
    package static let logProof = "application/vnd.assay.tlog-proof.v1"
    // Plain HTTP
    package static let octetStream = "application/octet-stream"
    package static let json = "application/json"
    package static let problem = "application/problem+json"

    /// Whether descriptors of this type may name bytes that were never pushed (OCI image-spec, layer.md).
    package static func isNonDistributable(_ mediaType: String) -> Bool {
        mediaType.contains("nondistributable") || mediaType.contains(".foreign.")
    }

    /// The types under which a manifest is taken and served.
    package static let manifests: Set = [imageManifest, imageIndex, dockerManifest, dockerManifestList]

    /// The configs by which clients know a container image.
    package static let imageConfigs: Set = [
        "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
    ]

    /// The type under which a stored manifest is served: its own, or that of plain bytes where an older build took it
    /// under a type that is none of a manifest's.
    package static func served(_ mediaType: String) -> String {
        manifests.contains(mediaType) ? mediaType : octetStream
    }

    /// Whether clients that are known unpack content of this type into files of its own names: layers of container
    /// images, and archives of ModelPack, KitOps and others that name them so.
    package static func isPacked(_ mediaType: String) -> Bool { !packedWords(of: mediaType).isDisjoint(with: packings) }

    /// Whether the type says besides that these are files of a model.
    package static func isPackedModel(_ mediaType: String) -> Bool {
        isPacked(mediaType) && !packedWords(of: mediaType).isDisjoint(with: ["model", "modelkit"])
    }

    private static let packings: Set = ["tar", "rootfs", "tgz", "gzip", "zstd", "zip"]

    /// The words of a vendor's type; none of a type that is nobody's, which no client unpacks by itself.
    private static func packedWords(of mediaType: String) -> Set<String> {
        let type = mediaType.lowercased()
        guard type.hasPrefix("application/vnd.") else { return [] }
        return Set(type.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }.map(String.init))
    }

    /// Whether a manifest of this type lists other manifests.
    package static func isIndex(_ mediaType: String) -> Bool {
        mediaType == imageIndex || mediaType == dockerManifestList
    }
}

/// Annotation keys with a meaning.
package enum Annotation {
    package static let modelFilePath = "org.cncf.model.filepath"
    /// The name of the annotation above before ModelPack was the CNCF's; some clients still go by it.
    package static let modelFilePathBefore = "org.cnai.model.filepath"
    /// What a packer knew of the file, as JSON.
    package static let modelFileMetadata = "org.cncf.model.file.metadata+json"
    /// Has the clients of ORAS unpack a layer.
    package static let unpack = "io.deis.oras.content.unpack"
    package static let title = "org.opencontainers.image.title"
    package static let description = "org.opencontainers.image.description"
    package static let licenses = "org.opencontainers.image.licenses"
    package static let revision = "org.opencontainers.image.revision"
    package static let bundleContent = "dev.sigstore.bundle.content"
    package static let bundlePredicateType = "dev.sigstore.bundle.predicateType"
    package static let predicateType = "in-toto.io/predicate-type"
    /// Of a log proof: the log, the entry's place in it, what happened, and to which version.
    package static let logOrigin = "dev.assay.log.origin"
    package static let logIndex = "dev.assay.log.index"
    package static let logKind = "dev.assay.log.kind"
    package static let logSubject = "dev.assay.log.subject"
}

/// Predicate types of the attestations that Assay reads and writes.
package enum PredicateType {
    package static let modelSignature = "https://model_signing/signature/v1.0"
    package static let verificationReport = "https://assay.dev/attestation/verification-report/v1"
    package static let verdict = "https://slsa.dev/verification_summary/v1"
    package static let testResult = "https://in-toto.io/attestation/test-result/v0.1"
    package static let provenance = "https://slsa.dev/provenance/v1"
    /// A bill of materials: the predicate is the document itself, byte for byte.
    package static let bill = "https://cyclonedx.org/bom"
    package static let waiver = "https://assay.dev/attestation/waiver/v2"
    /// Waivers that name no repository, version and policy; they count no longer.
    package static let waiverWithoutPolicy = "https://assay.dev/attestation/waiver/v1"
    /// Binds a manifest, all of it, to the files that its signer saw in it.
    package static let binding = "https://assay.dev/attestation/binding/v1"

    /// That a version must not be used any more, or may be used again.
    package static let withdrawal = "https://assay.dev/attestation/withdrawal/v1"

    /// Figures that were measured elsewhere.
    package static let figures = "https://assay.dev/attestation/metrics/v1"

    /// What a registry alone may say: by another signer it does not count.
    package static let ofRegistry: Set<String> = [verificationReport, verdict, withdrawal]

    /// Words by which people may name a type.
    package static let shortNames = [
        "binding": binding, "bom": bill, "metrics": figures, "provenance": provenance, "report": verificationReport,
        "signature": modelSignature, "test-result": testResult, "verdict": verdict, "waiver": waiver,
        "withdrawal": withdrawal,
    ]

    /// The type of a short name, or the text itself.
    package static func resolve(_ text: String) -> String { shortNames[text] ?? text }

    /// The type that somebody signs a statement of: a short name's, or a URI. Throws `usage` for any other word, which
    /// nobody would ever look for.
    package static func parse(_ text: String) throws(AssayError) -> String {
        let type = resolve(text)
        guard type.utf8.contains(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/") }) else {
            let names = shortNames.keys.sorted()
            throw AssayError(
                .usage, "\(Printable.quote(text, limit: 80)) is no type of a statement",
                remedy: Suggestion.nearest(to: text, among: names).map { "did you mean '\($0)'?" }
                    ?? "use the URI of a predicate type, or one of \(names.joined(separator: ", "))")
        }
        return type
    }

    /// The short name of a type, or the type itself.
    package static func short(_ type: String) -> String { shortNames.first { $0.value == type }?.key ?? type }
}
