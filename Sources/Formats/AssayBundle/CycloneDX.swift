import AssayCrypto
import AssayDomain

/// The part of a CycloneDX 1.6 document that Assay writes; members as the schema names them, what is nil is left out.
///
/// Source: CycloneDX 1.6, bom-1.6.schema.json.
struct CycloneDX: Encodable {
    let bomFormat = "CycloneDX"
    let specVersion = "1.6"
    let version = 1
    var serialNumber: String?
    let metadata: Metadata
    let components: [Component]
    let dependencies: [Dependency]

    private enum CodingKeys: String, CodingKey {
        case bomFormat, specVersion, version, serialNumber, metadata, components, dependencies
    }

    /// The number of a document by its own content: the same document has the same number.
    ///
    /// Source: RFC 9562, section 5.8 and appendix B.2, UUID version 8 from SHA-256. Version 5 would be SHA-1.
    static func serialNumber(of document: [UInt8]) -> String {
        var bytes = Array(Digest.sha256(of: document).bytes.prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let groups = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { Hex.encode(bytes[$0]) }
        return "urn:uuid:" + groups.joined(separator: "-")
    }

    struct Metadata: Encodable {
        let component: Component
    }

    struct Dependency: Encodable {
        let ref: String
        /// Nil says that it depends on nothing.
        let dependsOn: [String]?
    }

    struct Hash: Encodable {
        let alg: String
        let content: String

        init(_ digest: Digest) {
            alg = digest.algorithm == .sha256 ? "SHA-256" : "SHA-512"
            content = digest.hex
        }
    }

    /// A name in Assay's namespace and a text.
    struct Property: Encodable {
        let name: String
        let value: String

        init(_ name: String, _ value: String) {
            self.name = "assay:\(name)"
            self.value = value
        }
    }

    struct Component: Encodable {
        enum Kind: String, Encodable {
            case model = "machine-learning-model"
            case data
            case file
        }

        let type: Kind
        /// Unique in the document.
        let bomRef: String?
        let name: String
        var version: String?
        var description: String?
        var hashes: [Hash]?
        var licenses: [License]?
        /// Of a model only.
        var modelCard: ModelCard?
        /// Of data only.
        var data: [Contents]?
        var pedigree: Pedigree?
        var properties: [Property]?

        private enum CodingKeys: String, CodingKey {
            case type
            case bomRef = "bom-ref"
            case name, version, description, hashes, licenses, modelCard, data, pedigree, properties
        }
    }

    struct Pedigree: Encodable {
        let ancestors: [Component]
    }

    struct Contents: Encodable {
        let type = "dataset"
        let name: String

        private enum CodingKeys: String, CodingKey {
            case type, name
        }
    }

    struct ModelCard: Encodable {
        let modelParameters: ModelParameters?
        let quantitativeAnalysis: Analysis?
        let considerations: Considerations?
    }

    struct Considerations: Encodable {
        let technicalLimitations: [String]
    }

    struct ModelParameters: Encodable {
        let task: String?
        let architectureFamily: String?
        let modelArchitecture: String?
        let datasets: [DatasetReference]?
        let inputs: [Format]?
        let outputs: [Format]?

        var isEmpty: Bool {
            datasets == nil && inputs == nil && outputs == nil && task == nil && architectureFamily == nil
                && modelArchitecture == nil
        }
    }

    struct DatasetReference: Encodable {
        let ref: String
    }

    struct Format: Encodable {
        let format: String

        /// `float32[batch,64]`; without brackets for a scalar, or where no shape is known.
        init(_ tensor: ModelSummary.Tensor) {
            format = tensor.elementType + (tensor.shape.nonEmpty.map { "[\($0.joined(separator: ","))]" } ?? "")
        }
    }

    struct Analysis: Encodable {
        let performanceMetrics: [Metric]
    }

    struct Metric: Encodable {
        let type: String
        let value: String
        let slice: String
        var confidenceInterval: Interval?
    }

    struct Interval: Encodable {
        let lowerBound: String
        let upperBound: String
    }

    /// An SPDX expression, or the name of a licence that is none.
    enum License: Encodable {
        case expression(String)
        case named(String)

        private struct Named: Encodable {
            let name: String
        }

        private enum CodingKeys: String, CodingKey {
            case expression, license
        }

        /// Nil for a text that says nothing.
        init?(_ text: String) {
            guard text.contains(where: { !$0.isWhitespace }) else { return nil }
            self = SPDXExpression.isWellFormed(text) ? .expression(text) : .named(text)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            switch self {
            case .expression(let text): try container.encode(text, forKey: .expression)
            case .named(let text): try container.encode(Named(name: text), forKey: .license)
            }
        }
    }
}

/// The form of licence expressions; whether an identifier is on the SPDX licence list is not looked up.
///
/// Source: SPDX 2.3, annex D.
enum SPDXExpression {
    private enum State {
        case operand, license, exception, group
    }

    static func isWellFormed(_ text: String) -> Bool {
        var state = State.operand
        var depth = 0
        for token in text.replacing("(", with: " ( ").replacing(")", with: " ) ").split(separator: " ") {
            switch (state, token) {
            case (.operand, "("): depth += 1
            case (.license, "WITH"): state = .exception
            case (.license, "AND"), (.license, "OR"), (.group, "AND"), (.group, "OR"): state = .operand
            case (.license, ")"), (.group, ")"):
                guard depth > 0 else { return false }
                (state, depth) = (.group, depth - 1)
            case (.operand, _) where isIdentifier(token): state = .license
            case (.exception, _) where isIdentifier(token): state = .group
            default: return false
            }
        }
        return depth == 0 && (state == .license || state == .group)
    }

    /// `Apache-2.0`, `GPL-2.0+`, `LicenseRef-ours` or `DocumentRef-x:LicenseRef-y`.
    private static func isIdentifier(_ token: Substring) -> Bool {
        guard !["AND", "OR", "WITH"].contains(token) else { return false }
        let parts = (token.last == "+" ? token.dropLast() : token).utf8
            .split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        return parts.count <= 2
            && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isAlphanumeric || "-.".utf8.contains($0) } }
    }
}

extension Array {
    /// Nil if there is nothing in it.
    var nonEmpty: Self? { isEmpty ? nil : self }

    /// Sorted by the bytes of the texts, the first of which counts most.
    func ordered(by texts: (Element) -> [String]) -> Self {
        sorted { left, right in
            texts(left).lexicographicallyPrecedes(texts(right)) { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
    }
}
