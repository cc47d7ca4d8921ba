import AssayArchive
import AssayBundle
import AssayDomain

/// How much still fits into a bundle that its reader takes.
struct BundleRoom {
    /// What an entry of the index has besides its types.
    private static let entryBytes = 512

    private let membersMax: Int
    private var referrersMax: Int
    private var manifestBytes: Int
    private var indexBytes: Int
    private var manifests: [Digest: Int64]
    private var blobs: [Digest: Int64] = [:]

    /// The room beside a version. `referrersMax` is the most referrers.
    init(
        beside manifest: Manifest, limits: BundleLimits = BundleLimits(), referrersMax: Int = BundlePlan.referrersMax
    ) {
        membersMax = limits.tar.membersMax
        self.referrersMax = referrersMax
        manifestBytes = limits.manifestBytesMax - manifest.bytes.count
        // The aliases of the version stand in its entry; there is room for thousands of them.
        indexBytes = Manifest.bytesMaxDefault / 2 - Self.entryBytes(of: manifest)
        manifests = [manifest.digest: Int64(manifest.bytes.count)]
        for blob in manifest.requiredBlobs { blobs[blob.digest] = blob.size }
    }

    /// Whether the bundle has room for a referrer of that size at all.
    func fits(bytes: Int64) -> Bool { referrersMax > 0 && bytes <= Int64(manifestBytes) }

    func has(_ blob: Digest) -> Bool { blobs[blob] != nil }

    /// Takes a referrer in. Gives why it cannot be in the same bundle as what was taken before; nil if it can.
    mutating func take(_ referrer: Manifest) -> String? {
        let size = Int64(referrer.bytes.count)
        guard fits(bytes: size), Self.entryBytes(of: referrer) <= indexBytes else { return Self.isFull }
        var added = blobs
        for blob in referrer.requiredBlobs {
            guard added.updateValue(blob.size, forKey: blob.digest).map({ $0 == blob.size }) ?? true,
                manifests[blob.digest].map({ $0 == blob.size }) ?? true
            else { return "it states another size of \(blob.digest) than something else in the bundle" }
        }
        guard added[referrer.digest].map({ $0 == size }) ?? true else {
            return "something else in the bundle states another size of it"
        }
        // Layout and index are members too.
        guard 2 + manifests.count + 1 + added.count <= membersMax else { return Self.isFull }
        blobs = added
        manifests[referrer.digest] = size
        referrersMax -= 1
        manifestBytes -= referrer.bytes.count
        indexBytes -= Self.entryBytes(of: referrer)
        return nil
    }

    static let isFull = "the bundle is full"

    /// At most the bytes of an entry of the index: in JSON a byte of text takes up to six.
    private static func entryBytes(of manifest: Manifest) -> Int {
        entryBytes + 6 * ((manifest.effectiveArtifactType ?? "").utf8.count + manifest.mediaType.utf8.count)
    }
}
