/// The shares of a distribution that is known by its quantiles, in pieces of an axis.
enum Histogram {
    /// How many quantiles a report has: at 0, 1, 2 … 100 %.
    static let quantileCount = 101

    /// The share of all values between each edge and the next; what lies outside of them is left out.
    ///
    /// Between two quantiles lies one percent of the values, taken as spread evenly there.
    static func shares(of quantiles: [Double], between edges: [Double]) -> [Double] {
        guard edges.count > 1 else { return [] }
        var shares = [Double](repeating: 0, count: edges.count - 1)
        let mass = 1 / Double(quantiles.count - 1)
        for (low, high) in zip(quantiles, quantiles.dropFirst()) {
            for index in shares.indices {
                let (left, right) = (edges[index], edges[index + 1])
                if high > low {
                    shares[index] += mass * max(0, min(high, right) - max(low, left)) / (high - low)
                } else if low >= left, low < right || index == shares.count - 1 && low == right {
                    shares[index] += mass
                }
            }
        }
        return shares
    }

    /// The quantiles if they are what they must be: complete, sorted and above nothing.
    static func usable(_ quantiles: [Double]?) -> [Double]? {
        guard let quantiles, quantiles.count == quantileCount, let first = quantiles.first, first >= 0,
            quantiles.allSatisfy(\.isFinite), zip(quantiles, quantiles.dropFirst()).allSatisfy({ $0 <= $1 })
        else { return nil }
        return quantiles
    }
}
