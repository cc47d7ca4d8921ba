/// What a JSON document would cost to parse, told by its bytes before anything is made of them.
///
/// Text costs about what it is long, in every parser. Each value and each key costs besides: tables, boxes, entries of
/// dictionaries, for three bytes of `[],` as for a sentence. So their number is bounded by the limit of bytes, in such
/// a way that a document at both limits takes four times the limit at most.
package enum JSONWeight {
    /// There may be one value or key for so many bytes of the limit.
    package static let bytesPerPart = 24

    /// Throws `too-many-entries`. Bytes that are no JSON may pass: no parser goes further in them than this.
    package static func check(_ bytes: [UInt8], limit bytesMax: Int) throws(AssayError) {
        let partsMax = bytesMax / bytesPerPart
        guard parts(of: bytes, upTo: partsMax) <= partsMax else {
            throw AssayError(
                .tooManyEntries, "the JSON has over \(partsMax) values and keys",
                reason: "a body of at most \(bytesMax) bytes may have one for \(bytesPerPart) of them")
        }
    }

    /// The commas, colons and opening brackets outside of strings; what comes behind the limit is not looked at.
    private static func parts(of bytes: [UInt8], upTo partsMax: Int) -> Int {
        var parts = 0
        var isText = false
        var isEscaped = false
        bytes.withUnsafeBufferPointer { bytes in
            for byte in bytes {
                if isText {
                    if isEscaped {
                        isEscaped = false
                    } else if byte == 0x5C {
                        isEscaped = true
                    } else if byte == 0x22 {
                        isText = false
                    }
                    continue
                }
                switch byte {
                case 0x22: isText = true
                case 0x2C, 0x3A, 0x5B, 0x7B:
                    parts += 1
                    if parts > partsMax { return }
                default: break
                }
            }
        }
        return parts
    }
}
