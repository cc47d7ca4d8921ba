import AssayDomain
import Yams

/// A YAML document of plain values: what JSON can say, and nothing else.
///
/// Tags of programs, merge keys, duplicate keys and numbers that are not finite are refused, so that a file means one
/// thing to everyone who reads it. Anchors stand for what they name, and count each time towards the limit of values.
enum YAMLValue: Encodable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    /// The text, and how a number was written where it stands for one.
    case string(String)
    case list([YAMLValue])
    case map([String: YAMLValue])

    static let bytesMax = 256 << 10
    private static let valuesMax = 10_000
    private static let depthMax = 32

    /// How words without quotes are read.
    enum Scalars {
        /// By the rules of YAML 1.1: `0x1F`, `1_000` and `020` are numbers, `1:30` is ninety, `off` is false.
        case yaml11
        /// `true`, `false`, `null` and the numbers of JSON are values, and whatever no version of YAML takes for
        /// something else is text. The rest is refused: two readers would understand it in two ways.
        case strict
    }

    /// Parses one document; throws `code` with the place of the fault, and `body-too-large`.
    static func parse(
        _ bytes: [UInt8], name: String, code: ErrorCode, scalars: Scalars = .yaml11
    ) throws(AssayError) -> YAMLValue {
        guard bytes.count <= bytesMax else {
            throw AssayError(.bodyTooLarge, "\(Printable.quote(name)) has over \(bytesMax) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw AssayError(code, "\(Printable.quote(name)) is not UTF-8")
        }
        do {
            guard let node = try Yams.compose(yaml: text) else { throw Fault("it is empty") }
            var reader = NodeReader(left: valuesMax, scalars: scalars)
            return try reader.value(of: node, depth: 0)
        } catch let fault as Fault {
            throw AssayError(code, "\(Printable.quote(name)) cannot be read", reason: fault.reason)
        } catch {
            throw AssayError(
                code, "\(Printable.quote(name)) is not valid YAML",
                reason: Printable.escape("\(error)".replacing("\n", with: " "), limit: 400), cause: error)
        }
    }

    /// The text of a scalar as it was written, where a field takes any.
    var text: String? {
        switch self {
        case .string(let text): text
        case .integer(let value): String(value)
        case .number(let value): "\(value)"
        case .bool(let value): String(value)
        case .null, .list, .map: nil
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .map(let values): try container.encode(values)
        }
    }

    private struct Fault: Error {
        let reason: String
        init(_ reason: String, _ mark: Mark? = nil) {
            self.reason = mark.map { "\(reason), at line \($0.line)" } ?? reason
        }
    }

    /// Goes through the nodes of one document.
    private struct NodeReader {
        /// How many values it may still have.
        var left: Int
        let scalars: Scalars

        mutating func value(of node: Node, depth: Int) throws -> YAMLValue {
            left -= 1
            guard left >= 0 else { throw Fault("it has over \(valuesMax) values", node.mark) }
            guard depth < depthMax else { throw Fault("it is nested deeper than \(depthMax)", node.mark) }
            switch node {
            case .scalar(let scalar): return try value(of: scalar, node)
            case .alias: throw Fault("it names an anchor that is not there", node.mark)
            case .sequence(let sequence):
                guard plainTags.contains(node.tag.rawValue) else { throw Fault("it uses a tag", node.mark) }
                var values: [YAMLValue] = []
                for item in sequence { values.append(try value(of: item, depth: depth + 1)) }
                return .list(values)
            case .mapping(let mapping):
                guard plainTags.contains(node.tag.rawValue) else { throw Fault("it uses a tag", node.mark) }
                var values: [String: YAMLValue] = [:]
                for (key, item) in mapping {
                    let name = try self.name(of: key)
                    guard values[name] == nil else {
                        throw Fault("the key \(Printable.quote(name)) occurs twice", key.mark)
                    }
                    values[name] = try value(of: item, depth: depth + 1)
                }
                return .map(values)
            }
        }

        private func name(of key: Node) throws -> String {
            guard let scalar = key.scalar, scalar.string != "<<" else {
                throw Fault("a key is no plain word", key.mark)
            }
            guard scalars == .strict, scalar.isPlain else { return scalar.string }
            switch PlainScalar(scalar.string) {
            case .text: break
            case let plain where plain.isNumber:
                // `{min: 0,9}` is the key `min` with 0 and the key `9` with nothing.
                throw Fault(
                    "a number stands where a key is expected: numbers have a point and no comma, and a key that is a "
                        + "number is put in quotes", key.mark)
            default:
                throw Fault("the key \(Printable.quote(scalar.string)) is no text to some: quote it", key.mark)
            }
            return scalar.string
        }

        private func value(of scalar: Node.Scalar, _ node: Node) throws -> YAMLValue {
            guard scalar.isPlain else {
                guard plainTags.contains(node.tag.rawValue) else { throw Fault("it uses a tag", node.mark) }
                return .string(scalar.string)
            }
            return scalars == .strict ? try strictValue(of: scalar, node) : try lenientValue(of: scalar, node)
        }

        private func strictValue(of scalar: Node.Scalar, _ node: Node) throws -> YAMLValue {
            // What it would be without a tag; another one was written before it.
            guard Node(scalar.string).tag.rawValue == node.tag.rawValue else { throw Fault("it uses a tag", node.mark) }
            switch PlainScalar(scalar.string) {
            case .null: return .null
            case .flag(let flag): return .bool(flag)
            case .text(let text): return .string(text)
            case .number(let text):
                if let whole = Int(text) { return .integer(whole) }
                guard let number = Double(text), number.isFinite, !text.utf8.allSatisfy(\.isDecimalDigit) else {
                    throw Fault("a number is too large", node.mark)
                }
                return .number(number)
            case .ambiguous(let text):
                throw Fault(
                    "\(Printable.quote(text, limit: 80)) means one thing to some readers of YAML and another to "
                        + "others: put it in quotes if it is text, or write the number or truth value as JSON does",
                    node.mark)
            }
        }

        private func lenientValue(of scalar: Node.Scalar, _ node: Node) throws -> YAMLValue {
            switch node.tag.rawValue {
            case "tag:yaml.org,2002:null": return .null
            case "tag:yaml.org,2002:bool":
                guard let value = node.bool else { throw Fault("a value is no truth value", node.mark) }
                return .bool(value)
            case "tag:yaml.org,2002:int":
                guard let value = node.int else { throw Fault("a number is too large", node.mark) }
                return .integer(value)
            case "tag:yaml.org,2002:float":
                guard let value = node.float, value.isFinite else { throw Fault("a number is not finite", node.mark) }
                return .number(value)
            case "tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp": return .string(scalar.string)
            default: throw Fault("it uses a tag", node.mark)
            }
        }
    }

    private static let plainTags: Set<String> = [
        "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str",
    ]
}

extension Node.Scalar {
    fileprivate var isPlain: Bool { style == .plain || style == .any }
}
