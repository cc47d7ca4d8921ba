import AssayDomain

/// Asks of versions that an older build promoted whether their manifests are bound to their files, once for each.
///
/// Until somebody has asked they stand as not promoted.
package struct AskHolders: Sendable {
    private static let batchMax = 100

    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat

    /// Asks until all are answered; safe to repeat, and to cut short.
    package func callAsFunction() async throws {
        let reader = ReadEvidence(blobs: blobs, index: index, evidence: evidence)
        while true {
            let unasked = try await index.unaskedPromotions(limit: Self.batchMax)
            guard !unasked.isEmpty else { return }
            for (sequence, reference) in unasked {
                try await index.answerPromotion(sequence, isBound: try await isBound(reference, reader))
            }
        }
    }

    private func isBound(_ reference: Reference, _ reader: ReadEvidence) async throws -> Bool {
        guard let version = try await index.version(reference),
            let manifest = try await index.manifest(.digest(version.manifestDigest), in: version.repository)
        else { return false }
        do {
            let parsed = try manifest.parsed()
            let statements = try await reader.statements(about: parsed.digest, in: version.repository)
            return try await reader.binding(of: parsed, by: statements).isBound
        } catch let error as AssayError where error.code.kind != .storage {
            return false
        }
    }
}
