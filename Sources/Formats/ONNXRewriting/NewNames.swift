/// Makes names that the model does not have.
struct NewNames {
    /// Longer names of the model are not made part of new ones.
    private static let originalBytesMax = 512

    private var taken: Set<Name>
    private var count = 0

    init(taken: Set<Name>) { self.taken = taken }

    /// `assay_ROLE/ORIGINAL`, with a number behind it where that is taken.
    mutating func name(_ role: String, of original: Name) -> Name {
        count += 1
        let rest = original.count <= Self.originalBytesMax ? original : Array("\(count)".utf8)
        let wanted = ModelScan.prefix + Array("\(role)/".utf8) + rest
        var name = wanted
        var number = 2
        while !taken.insert(name).inserted {
            name = wanted + Array("_\(number)".utf8)
            number += 1
        }
        return name
    }
}
