package topology

// BeginEvery is Begin with another pause between rounds.
var BeginEvery = begin
