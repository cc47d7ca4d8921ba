import APIProtocol
import AssayBundle
import AssayClient
import AssayDomain

/// One piece of evidence about a version as the registry holds it, checked here.
struct GatheredEvidence {
    let evidence: CheckedEvidence
    /// The signature file or the envelope; of a bundle of another kind the envelope in it.
    let bytes: [UInt8]
    /// Whether it is a sigstore bundle that is no signature of a model.
    var isForeign = false

    /// All evidence about a version, checked. Keys that the registry names count as of when it recorded the evidence,
    /// as they do for its own decisions; keys that somebody named count now. What is too large to be read, or gone, is
    /// listed as not valid.
    static func fetch(
        about version: Version, root: TrustRoot, isNamed: Bool, client: AssayClient
    ) async throws -> [GatheredEvidence] {
        let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
        var gathered: [GatheredEvidence] = []
        for item in try await client.attestations(about: version).items {
            guard
                let bytes = try await client.attachedContent(
                    item.envelopeDigest, in: version.repository, bytesMax: DSSEEnvelope.bytesMax)
            else {
                gathered.append(unread(item))
                continue
            }
            let check = try EvidenceCheck(
                repository: version.repository, manifest: manifest, root: root, time: isNamed ? .now : item.createdAt)
            let evidence = check.check(
                bytes, artifactType: item.artifactType, manifestDigest: item.manifestDigest, createdAt: item.createdAt)
            let foreign = EvidenceCheck.foreignBundle(bytes, artifactType: item.artifactType)
            gathered.append(
                GatheredEvidence(
                    evidence: evidence, bytes: foreign?.envelope ?? bytes, isForeign: foreign != nil))
        }
        return gathered
    }

    private static func unread(_ item: AttestationResponse) -> GatheredEvidence {
        GatheredEvidence(
            evidence: CheckedEvidence(
                manifestDigest: item.manifestDigest, predicateType: "", envelopeDigest: item.envelopeDigest,
                status: .invalid, signer: nil, role: nil,
                fault: "it is gone, damaged, or has over \(DSSEEnvelope.bytesMax) bytes", createdAt: item.createdAt),
            bytes: [])
    }
}
