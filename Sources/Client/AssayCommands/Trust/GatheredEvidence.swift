import APIProtocol
import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// One piece of evidence about a version as the registry holds it, checked here.
struct GatheredEvidence {
    let evidence: CheckedEvidence
    /// The signature file or the envelope; of a bundle of another kind the envelope in it.
    let bytes: [UInt8]
    /// Whether nobody who is known signed it, nor is it said so: whoever may push can attach such a thing.
    let isOfUnknown: Bool

    /// All evidence about a version, checked. Keys that the registry names count as of when it recorded the evidence,
    /// as they do for its own decisions; keys that somebody named count now. What is too large to be read, or gone, is
    /// listed as not valid.
    static func fetch(
        about version: Version, root: TrustRoot, isNamed: Bool, client: AssayClient
    ) async throws -> [GatheredEvidence] {
        let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
        let known = KnownKeys(root)
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
                    evidence: evidence, bytes: foreign?.envelope ?? bytes,
                    isOfUnknown: evidence.status != .valid
                        && (foreign != nil
                            ? evidence.status == .untrusted
                            : !known.isClaimed(by: bytes, artifactType: item.artifactType, evidence.status))
                ))
        }
        return gathered
    }

    private static func unread(_ item: AttestationResponse) -> GatheredEvidence {
        GatheredEvidence(
            evidence: CheckedEvidence(
                manifestDigest: item.manifestDigest, predicateType: "", envelopeDigest: item.envelopeDigest,
                status: .invalid, signer: nil, role: nil,
                fault: "it is gone, damaged, or has over \(DSSEEnvelope.bytesMax) bytes", createdAt: item.createdAt),
            bytes: [], isOfUnknown: true)
    }
}

/// The keys of a trust root, whenever and for whatever they count.
struct KnownKeys {
    private var ids: Set<String> = []
    private var keys: [PublicKey] = []
    private var hasAuthority = false

    init(_ root: TrustRoot) {
        for entry in root.keys where entry.role != .log {
            ids.insert(entry.id)
            switch try? TrustAnchor(pem: entry.pem) {
            case .key(let key): keys.append(key)
            case .authority: hasAuthority = true
            case nil: break  // What is no key signed nothing; its id still counts as a claim.
            }
        }
    }

    /// Whether evidence that does not count is by one of these keys, or says so falsely.
    func isClaimed(by bytes: [UInt8], artifactType: String, _ status: CheckedEvidence.Status) -> Bool {
        do throws(AssayError) {
            guard artifactType == MediaType.sigstoreBundle else {
                _ = try DSSEEnvelope(parsing: bytes).verify(trusted: keys)
                return true
            }
            let signature = try ModelSignature(parsing: bytes)
            if let id = signature.keyID { return ids.contains(id) }
            _ = try signature.verify(trusted: keys)
            return true
        } catch {
            if error.code == .untrustedKey {
                // Of certificates a chain that is not valid may be said to be by a known authority.
                return artifactType == MediaType.sigstoreBundle && hasAuthority && status == .invalid
            }
            // What cannot be read is by nobody; what can says falsely that it is by one of these keys.
            return artifactType == MediaType.sigstoreBundle
                ? (try? ModelSignature(parsing: bytes)) != nil : (try? DSSEEnvelope(parsing: bytes)) != nil
        }
    }
}
