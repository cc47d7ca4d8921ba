import APIProtocol
import AssayBundle
import AssayClient
import AssayDomain

/// One piece of evidence about a version as the registry holds it, checked here.
struct GatheredEvidence {
    let evidence: CheckedEvidence
    let bytes: [UInt8]

    /// All evidence about a version, checked. Keys that the registry names count as of when it recorded the evidence,
    /// as they do for its own decisions; keys that somebody named count now.
    static func fetch(
        about version: Version, root: TrustRoot, isNamed: Bool, client: AssayClient
    ) async throws -> [GatheredEvidence] {
        let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
        var gathered: [GatheredEvidence] = []
        for item in try await client.attestations(of: version.reference).items {
            let bytes = try await client.content(
                of: item.envelopeDigest, in: version.repository, bytesMax: DSSEEnvelope.bytesMax)
            let check = try EvidenceCheck(
                repository: version.repository, manifest: manifest, root: root, time: isNamed ? .now : item.createdAt)
            let evidence = check.check(
                bytes, artifactType: item.artifactType, manifestDigest: item.manifestDigest, createdAt: item.createdAt)
            gathered.append(GatheredEvidence(evidence: evidence, bytes: bytes))
        }
        return gathered
    }
}
