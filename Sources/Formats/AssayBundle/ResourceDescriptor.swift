import AssayDomain

/// An artifact within a predicate (in-toto ResourceDescriptor v1).
struct ResourceDescriptor: Codable {
    var name: String?
    var uri: String?
    var digest: [String: String]?
    var mediaType: String?
    var content: String?
    var annotations: [String: String]?

    static let shape = JSONShape.object([
        "name": .free, "uri": .free, "digest": .free, "content": .free, "downloadLocation": .free, "mediaType": .free,
        "annotations": .free,
    ])

    init(
        name: String?, uri: String? = nil, digest: [String: String]?, mediaType: String? = nil, content: String? = nil,
        annotations: [String: String]? = nil
    ) {
        self.name = name
        self.uri = uri
        self.digest = digest
        self.mediaType = mediaType
        self.content = content
        self.annotations = annotations
    }

    /// Annotations of others may hold any value; those that are no texts are passed over.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decodeIfPresent(String.self, forKey: .name)
        uri = try container.decodeIfPresent(String.self, forKey: .uri)
        digest = try container.decodeIfPresent([String: String].self, forKey: .digest)
        mediaType = try container.decodeIfPresent(String.self, forKey: .mediaType)
        content = try container.decodeIfPresent(String.self, forKey: .content)
        annotations = try? container.decodeIfPresent([String: String].self, forKey: .annotations)
    }

    /// The digest, if it is one that a manifest can have.
    var versionDigest: Digest? {
        for algorithm in Digest.Algorithm.allCases {
            guard let hex = digest?[algorithm.rawValue] else { continue }
            return try? Digest(parsing: "\(algorithm.rawValue):\(hex)")  // A malformed one names nothing.
        }
        return nil
    }
}
