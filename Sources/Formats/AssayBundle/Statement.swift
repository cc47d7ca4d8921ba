package import AssayCrypto
package import AssayDomain

/// A claim about artifacts that are named by digest.
///
/// Source: in-toto attestation framework, Statement v1.
package struct Statement: Sendable, Hashable {
    package static let type = "https://in-toto.io/Statement/v1"
    /// The most artifacts that one statement speaks of.
    package static let subjectsMax = 1_000

    /// An artifact that a statement speaks of. Only the digest identifies it.
    package struct Subject: Sendable, Hashable {
        /// For people.
        package let name: String
        package let digest: Digest

        package init(name: String, digest: Digest) {
            self.name = name
            self.digest = digest
        }
    }

    package let subjects: [Subject]
    package let predicateType: String
    /// The claim: one JSON value, its bytes as they were given or read.
    package let predicate: [UInt8]

    package init(subjects: [Subject], predicateType: String, predicate: [UInt8]) {
        self.subjects = subjects
        self.predicateType = predicateType
        self.predicate = predicate
    }

    /// Reads a statement; throws `signature-invalid` if it is not a Statement v1 with a subject and a predicate.
    ///
    /// Unknown members are ignored, and so are digests of unknown algorithms as long as one is known.
    package init(parsing bytes: [UInt8]) throws(AssayError) {
        let body = try SignedJSON.decode(Body.self, from: bytes, what: "the statement", shape: Self.shape)
        guard body._type == Self.type else {
            throw SignedJSON.invalid("the statement is of another type", reason: Printable.quote(body._type))
        }
        guard !body.predicateType.isEmpty, let predicate = try WireJSON.rawMember("predicate", of: bytes) else {
            throw SignedJSON.invalid("the statement has no predicate")
        }
        guard body.subject.count <= Self.subjectsMax else {
            throw AssayError(.tooManyEntries, "the statement has over \(Self.subjectsMax) subjects")
        }
        guard !body.subject.isEmpty else { throw SignedJSON.invalid("the statement has no subject") }
        var subjects: [Subject] = []
        for subject in body.subject { subjects.append(try subject.checked()) }
        self.init(subjects: subjects, predicateType: body.predicateType, predicate: predicate)
    }

    /// The statement as JSON with the predicate's bytes in it unchanged. Throws `json-invalid` for a bad predicate.
    package func encoded() throws -> [UInt8] {
        try StrictJSON.check(predicate)
        let subject = try WireJSON.encode(subjects.map(SubjectBody.init))
        let start = #"{"_type":"\#(Self.type)","subject":"#
        let middle = #","predicateType":\#(String(decoding: try WireJSON.encode(predicateType), as: UTF8.self)),"#
        return Array(start.utf8) + subject + Array(middle.utf8) + Array(#""predicate":"#.utf8) + predicate
            + [UInt8(ascii: "}")]
    }

    /// The bytes of an envelope in which a key signs the statement.
    package func signed(by key: any MessageSigner) throws -> [UInt8] {
        try DSSEEnvelope(signing: encoded(), type: MediaType.inToto, key: key).encoded()
    }

    /// The predicate is of its own type, and read by whoever knows that.
    private static let shape = JSONShape.object([
        "_type": .free, "subject": .list(ResourceDescriptor.shape), "predicateType": .free, "predicate": .free,
    ])

    private struct Body: Decodable {
        let _type: String
        let subject: [SubjectBody]
        let predicateType: String
    }

    private struct SubjectBody: Codable {
        let name: String?
        let digest: [String: String]

        init(_ subject: Subject) {
            name = subject.name
            digest = [subject.digest.algorithm.rawValue: subject.digest.hex]
        }

        /// The subject with the strongest usual digest; throws `signature-invalid` if it has none that is known.
        func checked() throws(AssayError) -> Subject {
            for algorithm in Digest.Algorithm.allCases {
                guard let hex = digest[algorithm.rawValue] else { continue }
                do throws(AssayError) {
                    return Subject(name: name ?? "", digest: try Digest(parsing: "\(algorithm.rawValue):\(hex)"))
                } catch {
                    throw SignedJSON.invalid("a subject's digest is malformed", reason: error.reason)
                }
            }
            throw SignedJSON.invalid("a subject has no digest of a known algorithm")
        }
    }
}
