import AssayDomain
import Yams

/// A value of a YAML document as it was written: what a word without quotes stands for is for its field to say.
///
/// Tags of programs, merge keys and duplicate keys are refused, so that a file means one thing to everyone who reads
/// it. Anchors stand for what they name, and count each time towards the limit of values.
struct YAMLNode {
    enum Content {
        /// A word without quotes, letter by letter.
        case word(String)
        /// Text in quotes or in a block.
        case text(String)
        case list([YAMLNode])
        case map([(key: YAMLNode, value: YAMLNode)])
    }

    let content: Content
    /// Where it begins; counted from 1.
    let line: Int

    static let bytesMax = 256 << 10
    private static let valuesMax = 10_000
    private static let depthMax = 32

    /// What is wrong with a document, and where.
    struct Fault: Error {
        let reason: String

        init(_ reason: String, line: Int? = nil) {
            self.reason = line.map { "\(reason), at line \($0)" } ?? reason
        }
    }

    /// Parses one document and gives what `read` makes of it; throws `code` with the place of the fault, and
    /// `body-too-large`.
    static func parse<Result>(
        _ bytes: [UInt8], name: String, code: ErrorCode, _ read: (YAMLNode) throws -> Result
    ) throws -> Result {
        guard bytes.count <= bytesMax else {
            throw AssayError(.bodyTooLarge, "\(Printable.quote(name)) has over \(bytesMax) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw AssayError(code, "\(Printable.quote(name)) is not UTF-8")
        }
        do {
            guard let node = try Yams.compose(yaml: text) else { throw Fault("it is empty") }
            var reader = Reader(left: valuesMax)
            return try read(try reader.node(of: node, depth: 0))
        } catch let fault as Fault {
            throw AssayError(code, "\(Printable.quote(name)) cannot be read", reason: fault.reason)
        } catch let error as AssayError {
            throw error
        } catch {
            throw AssayError(
                code, "\(Printable.quote(name)) is not valid YAML",
                reason: Printable.escape("\(error)".replacing("\n", with: " "), limit: 400),
                remedy: "correct it there: indent with spaces, and put text with brackets or colons in quotes",
                cause: error)
        }
    }

    /// The word or text of a scalar, letter by letter; nil of anything else.
    var scalar: String? {
        switch content {
        case .word(let text), .text(let text): text
        case .list, .map: nil
        }
    }

    /// Goes through the nodes of one document.
    private struct Reader {
        private static let textTag = "tag:yaml.org,2002:str"
        private static let plainTags: Set<String> = ["tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", textTag]

        /// How many values it may still have.
        var left: Int

        mutating func node(of node: Node, depth: Int) throws -> YAMLNode {
            let line = node.mark?.line ?? 0
            left -= 1
            guard left >= 0 else { throw Fault("it has over \(valuesMax) values", line: line) }
            guard depth < depthMax else { throw Fault("it is nested deeper than \(depthMax)", line: line) }
            return YAMLNode(content: try content(of: node, depth: depth, line: line), line: line)
        }

        private mutating func content(of node: Node, depth: Int, line: Int) throws -> Content {
            if case .alias = node { throw Fault("it names an anchor that is not there", line: line) }
            let isWord = node.scalar?.isPlain ?? false
            // What a word would be without a tag; another one was written before it.
            let isTagged =
                isWord
                ? Node(node.scalar?.string ?? "").tag.rawValue != node.tag.rawValue
                : !Self.plainTags.contains(node.tag.rawValue)
            guard !isTagged else { throw Fault("it uses a tag", line: line) }
            switch node {
            case .scalar(let scalar): return isWord ? .word(scalar.string) : .text(scalar.string)
            case .sequence(let sequence): return .list(try sequence.map { try self.node(of: $0, depth: depth + 1) })
            case .mapping(let mapping): return .map(try entries(of: mapping, depth: depth + 1))
            case .alias: throw Fault("it names an anchor that is not there", line: line)
            }
        }

        private mutating func entries(
            of mapping: Node.Mapping, depth: Int
        ) throws -> [(key: YAMLNode, value: YAMLNode)] {
            var entries: [(key: YAMLNode, value: YAMLNode)] = []
            var names: Set<String> = []
            for (key, value) in mapping {
                let line = key.mark?.line ?? 0
                guard let scalar = key.scalar, scalar.string != "<<" else {
                    throw Fault("a key is no plain word", line: line)
                }
                guard names.insert(scalar.string).inserted else {
                    throw Fault("the key \(Printable.quote(scalar.string)) occurs twice", line: line)
                }
                let name = YAMLNode(
                    content: scalar.isPlain ? .word(scalar.string) : .text(scalar.string), line: line)
                entries.append((name, try node(of: value, depth: depth)))
            }
            return entries
        }
    }
}

extension Node.Scalar {
    fileprivate var isPlain: Bool { style == .plain || style == .any }
}
