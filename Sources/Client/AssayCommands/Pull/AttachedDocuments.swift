import APIProtocol
import AssayBundle
import AssayClient
import AssayDomain

/// What referrers of a version carry, read one by one until what is looked for is found.
///
/// One that is too large, gone or damaged is passed over and noted: it proves nothing, and whoever may push can attach
/// it.
struct AttachedDocuments {
    private let version: Version
    private let client: AssayClient
    private let countMax: Int
    /// What could not be read.
    private(set) var unread: [Digest] = []

    init(version: Version, client: AssayClient, countMax: Int) {
        self.version = version
        self.client = client
        self.countMax = countMax
    }

    /// The first thing that is made of a document of a type; nil if nothing is made of any.
    mutating func first<Found>(
        of type: String, _ make: ([UInt8]) throws -> Found?
    ) async throws -> Found? {
        let listed = try await client.referrers(
            of: version.manifestDigest, in: version.repository, artifactType: type)
        for descriptor in listed.prefix(countMax) {
            guard
                let referrer = try await client.referrerManifest(
                    descriptor.digest, of: version.manifestDigest, in: version.repository)
            else {
                unread.append(descriptor.digest)
                continue
            }
            guard let layer = referrer.layers.first else { continue }
            guard layer.size <= Int64(ModelSignature.bytesMax),
                let document = try await client.attachedContent(
                    layer.digest, in: version.repository, bytesMax: ModelSignature.bytesMax)
            else {
                unread.append(layer.digest)
                continue
            }
            if let found = try make(document) { return found }
        }
        return nil
    }
}
