import AssayDomain

/// A sigstore bundle that holds a signed statement, whatever it states and whoever signed it.
///
/// Only its envelope is read here. `ModelSignature` reads the bundles that are signatures of models, strictly.
package struct SigstoreBundle: Sendable {
    /// How the media types of all versions of bundles begin.
    private static let mediaTypePrefix = "application/vnd.dev.sigstore.bundle"

    /// What the statement is; empty where the bundle holds no statement.
    package let predicateType: String
    /// The DSSE envelope by itself, as JSON; empty where the bundle holds none.
    package let envelope: [UInt8]

    /// Nil for what is no sigstore bundle.
    package init?(reading bytes: [UInt8]) {
        // What cannot be read is none, and its reader says why.
        guard bytes.count <= DSSEEnvelope.bytesMax, let body = try? JSON.decodeVerbatim(Body.self, from: bytes),
            body.mediaType.hasPrefix(Self.mediaTypePrefix)
        else { return nil }
        let envelope = try? body.dsseEnvelope.map { try DSSEEnvelope($0) }
        predicateType = (try? envelope?.unverifiedStatement())?.predicateType ?? ""
        self.envelope = (try? envelope?.encoded()) ?? []
    }

    package var isModelSignature: Bool { predicateType == PredicateType.modelSignature }

    private struct Body: Decodable {
        let mediaType: String
        let dsseEnvelope: EnvelopeJSON?
    }
}
