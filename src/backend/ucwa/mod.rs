//! UCWA: Lync Server 2013 and Skype for Business Server, as ordinary users over their web API.
